// Visits pages in headless Chromium as a person does, with mouse or keys, and tells what is seen there.
// Knows nothing of confirmations: what is right is decided by tests/verify_site/browser.rs.
//
//   node visit.mjs MODULES < [{"url", "act": "look" | "click" | "keys", "has_scripts", "is_checked"} …]
//
// MODULES holds the packages of tests/notice_pages/package.json. One JSON object a line comes out, for
// each visit.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { Browser } from "../notice_pages/browser.mjs";

const [modules] = process.argv.slice(2);
const visits = JSON.parse(readFileSync(0, "utf8"));
const require = createRequire(join(modules, "package.json"));
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const { HtmlValidate } = require("html-validate");
const validator = new HtmlValidate({
    root: true,
    extends: ["html-validate:standard", "html-validate:recommended", "html-validate:a11y"],
    // A telephone number breaks rather than run off a narrow page.
    rules: { "long-title": "off", "tel-non-breaking": "off" },
});

const PATIENCE_MS = 300_000;
const TABS_MAX = 10;
// 320 pixels, and the same at 200 %.
const WIDTHS = [320, 160];

const SEEN = `({
    heading: document.querySelector("h1")?.textContent ?? "",
    address: location.href,
    language: document.documentElement.lang,
})`;
const SIZES = `({
    scroll_width: document.documentElement.scrollWidth,
    right: Math.max(...[...document.body.querySelectorAll("*")].map((e) => e.getBoundingClientRect().right)),
    targets: [...document.querySelectorAll("header a, footer a, button, input:not([type=hidden])")]
        .map((e) => e.getBoundingClientRect()).map(({ height, width }) => Math.min(height, width)),
})`;
const CHECK = `axe.run(document, { resultTypes: ["violations", "incomplete"] }).then(
    ({ violations, incomplete }) => [...violations, ...incomplete].map((v) =>
        v.id + ": " + v.help + " " + v.nodes.map((n) => n.html).join(" ")))`;
const FOCUS = `({
    is_button: document.activeElement?.tagName === "BUTTON",
    outline: parseFloat(getComputedStyle(document.activeElement).outlineWidth),
})`;

async function size(browser, width) {
    await browser.ask("Emulation.setDeviceMetricsOverride", {
        width, height: 640, deviceScaleFactor: 1, mobile: false,
    });
}

async function key(browser, key, code, text) {
    const event = { key, code: key, windowsVirtualKeyCode: code, text };
    await browser.ask("Input.dispatchKeyEvent", { type: text ? "keyDown" : "rawKeyDown", ...event });
    await browser.ask("Input.dispatchKeyEvent", { type: "keyUp", ...event });
}

/** Presses the button; what its focus looked like where keys did it. */
async function press(browser, act) {
    const loaded = browser.next("Page.loadEventFired");
    let focus = null;
    if (act === "click") {
        const { x, y } = await browser.value(`(() => {
            const button = document.querySelector("button");
            button.scrollIntoView({ block: "center" });
            const box = button.getBoundingClientRect();
            return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
        })()`);
        for (const type of ["mousePressed", "mouseReleased"]) {
            await browser.ask("Input.dispatchMouseEvent", { type, x, y, button: "left", clickCount: 1 });
        }
    } else {
        for (let tabs = 0; tabs < TABS_MAX && !focus?.is_button; tabs += 1) {
            await key(browser, "Tab", 9);
            focus = await browser.value(FOCUS);
        }
        await key(browser, "Enter", 13, "\r");
    }
    await loaded;
    return focus;
}

/** What is wrong with the page for people who see, read or move otherwise. */
async function check(browser, source) {
    const { results } = await validator.validateString(source);
    const findings = results.flatMap(({ messages }) => messages)
        .map((found) => `${found.line}:${found.column} ${found.ruleId}: ${found.message}`);
    const sizes = [];
    for (const width of WIDTHS) {
        await size(browser, width);
        sizes.push({ width, ...(await browser.value(SIZES)) });
    }
    await size(browser, WIDTHS[0]);
    await browser.value(`${axe};0`);
    for (const scheme of ["light", "dark"]) {
        await browser.ask("Emulation.setEmulatedMedia", {
            features: [{ name: "prefers-color-scheme", value: scheme }],
        });
        findings.push(...(await browser.value(CHECK)).map((found) => `${scheme}: ${found}`));
    }
    return { findings, sizes };
}

async function visit(browser, { url, act, has_scripts, is_checked }) {
    await browser.ask("Emulation.setScriptExecutionDisabled", { value: !has_scripts });
    browser.requests.length = 0;
    const loaded = browser.next("Page.loadEventFired");
    await browser.ask("Page.navigate", { url });
    await loaded;
    const focus = act === "look" ? null : await press(browser, act);
    const seen = await browser.value(SEEN);
    const requests = browser.requests.filter((address) => !address.endsWith("/favicon.ico"));
    const { frameTree } = await browser.ask("Page.getFrameTree");
    const checked = is_checked
        ? await check(browser, (await browser.ask("Network.getResponseBody", {
            requestId: frameTree.frame.loaderId,
        })).body)
        : { findings: [], sizes: [] };
    process.stdout.write(`${JSON.stringify({ url, focus, requests, ...seen, ...checked })}\n`);
}

const browser = new Browser();
// Whatever hangs must not hang the tests.
setTimeout(() => {
    process.stderr.write(`no end after ${PATIENCE_MS} ms\n${browser.said}\n`);
    browser.process.kill("SIGKILL");
    process.exit(1);
}, PATIENCE_MS).unref();
try {
    await browser.begin();
    await browser.ask("Emulation.setScrollbarsHidden", { hidden: true });
    await size(browser, WIDTHS[0]);
    for (const one of visits) await visit(browser, one);
} finally {
    await browser.end();
}
