// What makes the pages more comfortable; every one of them works without it.
"use strict";

// Parts that are marked so are fetched anew when the server says that something has changed. A page that
// nobody sees listens to nothing (a browser has six lines to a server), and looks when it is seen again.
const live = document.querySelectorAll("[data-live]");
if (live.length > 0 && "EventSource" in window) {
    let stream = null;
    let isBusy = false;
    let isLate = false;
    const isTyping = () => document.activeElement?.closest("[data-live]") && document.activeElement.matches("input, textarea, select");
    const refresh = async () => {
        isLate = isBusy || isTyping();
        if (isLate) return;
        isBusy = true;
        try {
            const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
            if (!answer.ok || answer.redirected) return;
            const page = new DOMParser().parseFromString(await answer.text(), "text/html");
            const fresh = page.querySelectorAll("[data-live]");
            document.querySelectorAll("[data-live]").forEach((part, place) => {
                if (!fresh[place] || part.innerHTML === fresh[place].innerHTML) return;
                const open = [...part.querySelectorAll("details")].map((one) => one.open);
                const focused = document.activeElement?.closest("[data-live]") === part ? document.activeElement.getAttribute("href") : null;
                part.replaceWith(document.adoptNode(fresh[place]));
                fresh[place].querySelectorAll("details").forEach((one, number) => { one.open = open[number] ?? false; });
                if (focused) fresh[place].querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
            });
        } catch {
            // The server is away for a moment; the stream comes back by itself.
        } finally {
            isBusy = false;
            if (isLate && !isTyping()) refresh();
        }
    };
    const listen = () => {
        if (document.hidden) {
            stream?.close();
            stream = null;
        } else if (!stream) {
            stream = new EventSource("/events");
            stream.addEventListener("change", refresh);
        }
    };
    listen();
    document.addEventListener("visibilitychange", () => {
        listen();
        if (!document.hidden) refresh();
    });
    document.addEventListener("focusout", () => { if (isLate) refresh(); });
}

// Keys: / filter, j and k move, Enter opens, g and a letter goes, ? helps.
if (document.body.hasAttribute("data-keys")) {
    const PLACES = { o: "/", d: "/deadlines", h: "/held", m: "/messages", c: "/cases", n: "/notices" };
    let isGoing = false;
    const rows = () => [...document.querySelectorAll("[data-rows] tbody tr")];
    const move = (step) => {
        const all = rows();
        if (all.length === 0) return;
        const now = all.findIndex((row) => row.getAttribute("aria-selected") === "true");
        const next = all[Math.min(Math.max(now + step, 0), all.length - 1)];
        if (now >= 0) all[now].removeAttribute("aria-selected");
        next.setAttribute("aria-selected", "true");
        next.querySelector("th a")?.focus();
        next.scrollIntoView({ block: "nearest" });
    };
    document.addEventListener("keydown", (event) => {
        if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, textarea, select")) return;
        if (isGoing && PLACES[event.key]) {
            location.assign(PLACES[event.key]);
            return;
        }
        isGoing = event.key === "g";
        if (event.key === "j") move(1);
        else if (event.key === "k") move(-1);
        else if (event.key === "?") location.assign("/help/keys");
        else if (event.key === "/") {
            const field = document.querySelector("[data-key=\"/\"], main input[type=search], main form[method=get] input");
            if (field) field.focus();
            else location.assign("/messages");
            event.preventDefault();
        }
    });
}
