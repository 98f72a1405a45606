// Works with pages in headless Chromium as a person does, step by step, and tells what is seen there.
// Knows nothing of Stichtag: what is right is decided by tests/web/browser.rs.
//
//   node act.mjs MODULES < [{"origin", "headers", "has_scripts", "is_dark", "width", "steps": [[verb, …] …]} …]
//
// MODULES holds the packages of tests/notice_pages/package.json. One JSON object a line comes out, for
// each step of each visit that has something to say.

import { readFileSync, writeFileSync } from "node:fs";
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
    rules: { "long-title": "off", "tel-non-breaking": "off", "no-implicit-button-type": "off", "form-dup-name": "off" },
});

const PATIENCE_MS = 420_000;

const SEEN = `({
    heading: document.querySelector("h1")?.textContent.trim() ?? "",
    address: location.pathname + location.search,
    language: document.documentElement.lang,
    text: document.querySelector("main")?.innerText ?? "",
})`;
const SIZES = `({
    width: innerWidth,
    scroll_width: document.documentElement.scrollWidth,
    small: [...document.querySelectorAll(".top a, button, summary, input:not([type=hidden]):not([type=checkbox]):not([type=radio]), select, textarea")]
        .filter((e) => e.checkVisibility())
        .map((e) => ({ text: e.outerHTML.slice(0, 120), box: e.getBoundingClientRect() }))
        .filter(({ box }) => box.height < 44 || box.width < 24).map(({ text }) => text),
})`;
const CHECK = `axe.run(document, { resultTypes: ["violations"], iframes: false }).then(
    ({ violations }) => violations.map((v) => v.id + ": " + v.help + " " + v.nodes.map((n) => n.html).join(" ").slice(0, 600)))`;
const SHIFT = `new Promise((resolve) => {
    let sum = 0;
    new PerformanceObserver((list) => { for (const entry of list.getEntries()) sum += entry.value; })
        .observe({ type: "layout-shift", buffered: true });
    requestAnimationFrame(() => requestAnimationFrame(() => resolve(sum)));
})`;

/** Where the middle of an element is, once it is in sight. */
async function middle(browser, selector) {
    const place = await browser.value(`(() => {
        const all = [...document.querySelectorAll(${JSON.stringify(selector)})];
        const found = all.find((e) => e.checkVisibility());
        if (!found) return null;
        found.scrollIntoView({ block: "center" });
        const box = found.getBoundingClientRect();
        return { x: box.x + Math.min(box.width / 2, 40), y: box.y + box.height / 2 };
    })()`);
    if (place === null) throw new Error(`there is no ${selector} on ${await browser.value("location.href")}`);
    return place;
}

async function mouse(browser, selector) {
    const { x, y } = await middle(browser, selector);
    for (const type of ["mousePressed", "mouseReleased"]) {
        await browser.ask("Input.dispatchMouseEvent", { type, x, y, button: "left", clickCount: 1 });
    }
}

const CODES = { Enter: 13, Tab: 9, End: 35, " ": 32 };

async function key(browser, key, modifiers = 0) {
    const text = { Enter: "\r" }[key] ?? (key.length === 1 ? key : undefined);
    const event = { key, code: key, windowsVirtualKeyCode: CODES[key] ?? key.toUpperCase().charCodeAt(0), text, modifiers };
    await browser.ask("Input.dispatchKeyEvent", { type: text ? "keyDown" : "rawKeyDown", ...event });
    await browser.ask("Input.dispatchKeyEvent", { type: "keyUp", ...event });
}

const VERBS = {
    async open(browser, [path], visit) {
        const loaded = browser.next("Page.loadEventFired");
        await browser.ask("Page.navigate", { url: path.startsWith("http") ? path : visit.origin + path });
        await loaded;
    },
    /** Presses something, and stays. */
    async press(browser, [selector]) {
        await mouse(browser, selector);
    },
    /** Presses something that leads to another page. */
    async go(browser, [selector]) {
        const loaded = browser.next("Page.loadEventFired");
        await mouse(browser, selector);
        await loaded;
    },
    async type(browser, [selector, text]) {
        await mouse(browser, selector);
        // Behind what stands there already, wherever the mouse has hit it.
        await key(browser, "End");
        await browser.ask("Input.insertText", { text });
    },
    /** Text where the focus is. */
    async write(browser, [text]) {
        await browser.ask("Input.insertText", { text });
    },
    async key(browser, [name]) {
        await key(browser, name);
    },
    /** A key that leads to another page. */
    async key_go(browser, [name]) {
        const loaded = browser.next("Page.loadEventFired");
        await key(browser, name);
        await loaded;
    },
    /** Tab until the focus is on it; the width of its outline then. */
    async tab_to(browser, [selector]) {
        for (let tabs = 0; tabs < 200; tabs += 1) {
            await key(browser, "Tab");
            const outline = await browser.value(`document.activeElement?.matches(${JSON.stringify(selector)})
                ? parseFloat(getComputedStyle(document.activeElement).outlineWidth) : null`);
            if (outline !== null) return { outline };
        }
        throw new Error(`no Tab leads to ${selector}`);
    },
    async until(browser, [expression]) {
        const end = Date.now() + 60_000;
        while (Date.now() < end) {
            if (await browser.value(expression).catch(() => false)) return;
            await new Promise((resolve) => { setTimeout(resolve, 50); });
        }
        throw new Error(`never true: ${expression}`);
    },
    async seen(browser) {
        return browser.value(SEEN);
    },
    async value(browser, [expression]) {
        return { value: await browser.value(expression) };
    },
    /** What axe-core and the HTML checker find, what does not fit, and what has moved while it loaded. */
    async check(browser) {
        const address = await browser.value("location.href");
        const { body } = await browser.ask("Network.getResponseBody", { requestId: browser.page });
        const report = await validator.validateString(body);
        const html = report.results.flatMap(({ messages }) => messages.map((m) => `${m.ruleId}: ${m.message} (${m.line}: ${body.split("\n")[m.line - 1]?.slice(0, 200)})`));
        const shift = await browser.value(SHIFT);
        await browser.value(axe);
        const findings = [...html, ...await browser.value(CHECK)];
        return { address, findings, shift, bytes: browser.bytes, sizes: await browser.value(SIZES) };
    },
    async width(browser, [width, height]) {
        await browser.ask("Emulation.setDeviceMetricsOverride", { width, height: height ?? 800, deviceScaleFactor: 1, mobile: false });
    },
    async dark(browser, [is]) {
        await browser.ask("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: is ? "dark" : "light" }] });
    },
    async shot(browser, [path]) {
        const { data } = await browser.ask("Page.captureScreenshot", { format: "png", optimizeForSpeed: false });
        writeFileSync(path, Buffer.from(data, "base64"));
    },
};

async function visit(browser, wanted) {
    await browser.ask("Network.clearBrowserCookies");
    await browser.ask("Network.setExtraHTTPHeaders", { headers: wanted.headers ?? {} });
    await browser.ask("Emulation.setScriptExecutionDisabled", { value: !wanted.has_scripts });
    await VERBS.width(browser, [wanted.width ?? 1200]);
    await VERBS.dark(browser, [wanted.is_dark]);
    for (const [verb, ...rest] of wanted.steps) {
        let told;
        try {
            told = await VERBS[verb](browser, rest, wanted);
        } catch (error) {
            throw new Error(`${verb} ${rest.join(" ")}: ${error.message}`);
        }
        if (told !== undefined) console.log(JSON.stringify(told));
    }
}

const browser = new Browser();
const late = setTimeout(() => browser.process.kill("SIGKILL"), PATIENCE_MS);
try {
    await browser.begin();
    // Of the page that is shown: its request, and everything that was transferred for it.
    browser.listeners.push(({ method, params }) => {
        if (method === "Network.requestWillBeSent" && params.type === "Document" && params.frameId === browser.frame) {
            browser.page = params.requestId;
            browser.bytes = 0;
        }
        if (method === "Network.loadingFinished") browser.bytes += params.encodedDataLength;
    });
    const { frameTree } = await browser.ask("Page.getFrameTree");
    browser.frame = frameTree.frame.id;
    for (const wanted of visits) await visit(browser, wanted);
} finally {
    clearTimeout(late);
    await browser.end();
}
