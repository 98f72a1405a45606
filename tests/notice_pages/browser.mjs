// A headless Chromium, as the tests that look at pages drive it.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--remote-debugging-pipe", "about:blank",
];

/** A Chromium of our own with an empty profile, spoken to over a pipe: no port, no driver. */
export class Browser {
    constructor() {
        this.profile = mkdtempSync(join(tmpdir(), "notice-pages-"));
        this.process = spawn("chromium", [`--user-data-dir=${this.profile}`, ...FLAGS], {
            stdio: ["ignore", "ignore", "pipe", "pipe", "pipe"],
        });
        this.said = "";
        this.process.stderr.on("data", (bytes) => { this.said = (this.said + bytes).slice(-4000); });
        this.waiting = new Map();
        this.listeners = [];
        this.last = 0;
        this.ended = new Promise((resolve) => this.process.once("exit", resolve));
        const broken = (why) => {
            for (const { reject } of this.waiting.values()) reject(new Error(`${why}\n${this.said}`));
            this.waiting.clear();
        };
        this.process.once("error", (error) => broken(`chromium cannot be started: ${error.message}`));
        this.process.once("exit", (code) => broken(`chromium ended with ${code}`));
        this.process.stdio[3].on("error", () => {});
        let rest = Buffer.alloc(0);
        this.process.stdio[4].on("data", (bytes) => {
            rest = Buffer.concat([rest, bytes]);
            for (let end = rest.indexOf(0); end >= 0; end = rest.indexOf(0)) {
                this.hear(JSON.parse(rest.subarray(0, end).toString("utf8")));
                rest = rest.subarray(end + 1);
            }
        });
    }

    hear(message) {
        const asked = this.waiting.get(message.id);
        if (asked === undefined) {
            for (const listener of this.listeners) listener(message);
            return;
        }
        this.waiting.delete(message.id);
        if (message.error) asked.reject(new Error(`${asked.method}: ${message.error.message}`));
        else asked.resolve(message.result);
    }

    ask(method, params = {}, sessionId = this.session) {
        const id = (this.last += 1);
        return new Promise((resolve, reject) => {
            this.waiting.set(id, { resolve, reject, method });
            this.process.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
        });
    }

    next(method) {
        return new Promise((resolve) => {
            const listener = (message) => {
                if (message.method !== method) return;
                this.listeners.splice(this.listeners.indexOf(listener), 1);
                resolve(message.params);
            };
            this.listeners.push(listener);
        });
    }

    async value(expression) {
        const { result, exceptionDetails } = await this.ask("Runtime.evaluate", {
            expression, awaitPromise: true, returnByValue: true,
        });
        if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
        return result.value;
    }

    /** Opens the one tab that is used for everything. */
    async begin() {
        const { targetId } = await this.ask("Target.createTarget", { url: "about:blank" }, undefined);
        const { sessionId } = await this.ask("Target.attachToTarget", { targetId, flatten: true }, undefined);
        this.session = sessionId;
        this.requests = [];
        this.listeners.push(({ method, params }) => {
            if (method === "Network.requestWillBeSent") this.requests.push(params.request.url);
        });
        await this.ask("Page.enable");
        await this.ask("Network.enable");
    }

    async end() {
        this.ask("Browser.close", {}, undefined).catch(() => {});
        const late = setTimeout(() => this.process.kill("SIGKILL"), 5000);
        await this.ended;
        clearTimeout(late);
        rmSync(this.profile, { recursive: true, force: true, maxRetries: 5 });
    }
}
