// Opens pages in headless Chromium as narrow as a small telephone, light and dark, and reads
// calendars. Knows nothing of notices: what is right is decided by tests/notice_pages.rs.
//
//   node check.mjs MODULES SCREENSHOTS < {"pages": [FILE…], "calendars": [FILE…]}
//
// MODULES holds the packages of package.json. One JSON object a line comes out, for each page and
// scheme, and for each calendar.

import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { Browser } from "./browser.mjs";

const [modules, screenshots] = process.argv.slice(2);
const { pages, calendars } = JSON.parse(readFileSync(0, "utf8"));
const require = createRequire(join(modules, "package.json"));
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const { HtmlValidate } = require("html-validate");
const ICAL = require("ical.js");

const WIDTH = 320;
const PATIENCE_MS = 300_000;

const say = (found) => process.stdout.write(`${JSON.stringify(found)}\n`);

// Everything that can be seen, not only what makes the page scroll: `overflow: hidden` hides words.
const LOOK = `(() => {
    const ends = [...document.body.querySelectorAll("*")].map((e) => e.getBoundingClientRect());
    const style = getComputedStyle(document.querySelector("p"));
    return {
        scroll_width: document.documentElement.scrollWidth,
        inner_width: innerWidth,
        right: Math.max(...ends.map((box) => box.right)),
        left: Math.min(...ends.map((box) => box.left)),
        text_colour: style.color,
        height: document.documentElement.scrollHeight,
        words: document.body.innerText,
    };
})()`;
// What a page is made of does not change with its colours.
const CHECK = (scheme) => `axe.run(document, {
    resultTypes: ["violations"],
    ${scheme === "dark" ? 'runOnly: ["color-contrast"],' : ""}
}).then(({ violations }) =>
    violations.map((v) => v.id + ": " + v.help + " " + v.nodes.map((n) => n.html).join(" ")))`;

/** Sees one page in light, then in dark. */
async function look(browser, file, findings) {
    const paint = (scheme) => browser.ask("Emulation.setEmulatedMedia", {
        features: [{ name: "prefers-color-scheme", value: scheme }],
    });
    await paint("light");
    await browser.ask("Emulation.setDeviceMetricsOverride", {
        width: WIDTH, height: 640, deviceScaleFactor: 1, mobile: false,
    });
    // As on telephones: the bar lies over the page and takes no room.
    await browser.ask("Emulation.setScrollbarsHidden", { hidden: true });
    browser.requests.length = 0;
    const loaded = browser.next("Page.loadEventFired");
    await browser.ask("Page.navigate", { url: pathToFileURL(file).href });
    await loaded;
    await browser.value(`${axe};0`);
    for (const scheme of ["light", "dark"]) {
        await paint(scheme);
        const seen = await browser.value(LOOK);
        const violations = await browser.value(CHECK(scheme));
        const { data } = await browser.ask("Page.captureScreenshot", {
            format: "png", captureBeyondViewport: true, optimizeForSpeed: true,
            clip: { x: 0, y: 0, width: WIDTH, height: seen.height, scale: 1 },
        });
        writeFileSync(join(screenshots, `${basename(file, ".html")}-${scheme}.png`), data, "base64");
        const requests = [...browser.requests];
        say({ page: basename(file), scheme, findings, violations, requests, ...seen });
    }
}

function readCalendar(file) {
    const calendar = new ICAL.Component(ICAL.parse(readFileSync(file, "utf8")));
    const text = (part, name) => part.getFirstPropertyValue(name)?.toString() ?? null;
    const entries = calendar.getAllSubcomponents("vevent").map((event) => ({
        uid: text(event, "uid"),
        sequence: event.getFirstPropertyValue("sequence"),
        status: text(event, "status"),
        start: event.getFirstPropertyValue("dtstart").toJSDate().toISOString(),
        is_utc: event.getFirstPropertyValue("dtstart").zone === ICAL.Timezone.utcTimezone,
        duration: text(event, "duration"),
        summary: text(event, "summary"),
        class: text(event, "class"),
        transparency: text(event, "transp"),
        stamp: event.getFirstPropertyValue("dtstamp").toJSDate().toISOString(),
        organizer: text(event, "organizer"),
        attendees: event.getAllProperties("attendee").length,
        alarms: event.getAllSubcomponents("valarm").map((alarm) =>
            `${text(alarm, "action")} ${text(alarm, "trigger")} ${text(alarm, "description")}`),
    }));
    return { method: text(calendar, "method"), version: text(calendar, "version"), entries };
}

for (const file of calendars) say({ calendar: basename(file), ...readCalendar(file) });

const validator = new HtmlValidate({
    root: true,
    extends: ["html-validate:standard", "html-validate:recommended", "html-validate:a11y"],
    rules: {
        // Some mail programs know styles on the element only.
        "no-inline-style": "off",
        // For search engines; the title of a mail is its subject, whole.
        "long-title": "off",
    },
});

// No process.exit() at the end: it would cut what the pipe has not taken yet.
if (pages.length > 0) {
    const browser = new Browser();
    // Whatever hangs must not hang the tests.
    setTimeout(() => {
        process.stderr.write(`no end after ${PATIENCE_MS} ms\n${browser.said}\n`);
        browser.process.kill("SIGKILL");
        process.exit(1);
    }, PATIENCE_MS).unref();
    try {
        await browser.begin();
        for (const file of pages) {
            const { results } = await validator.validateFile(file);
            const findings = results.flatMap(({ messages }) => messages)
                .map((found) => `${found.line}:${found.column} ${found.ruleId}: ${found.message}`);
            await look(browser, file, findings);
        }
    } finally {
        await browser.end();
    }
}
