"use strict";

// The page works without this script. With it, what others change appears by
// itself and forms keep what was typed when the desk says no.
(() => {
  document.documentElement.classList.add("js");
  const offline = document.querySelector(".offline");
  const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });

  function tellTimes(root) {
    for (const time of root.querySelectorAll("time[datetime]")) {
      const at = new Date(time.dateTime);
      const seconds = (at - Date.now()) / 1000;
      const steps = [[60, 1, "second"], [3600, 60, "minute"], [86400, 3600, "hour"], [604800, 86400, "day"]];
      const step = steps.find(([below]) => Math.abs(seconds) < below);
      if (Math.abs(seconds) < 10) time.textContent = "just now";
      else if (step) time.textContent = relative.format(Math.round(seconds / step[1]), step[2]);
      else time.textContent = at.toLocaleDateString();
      time.title = at.toLocaleString();
    }
  }

  // marks of what is shown, to tell what is fresh.
  function marks(root) {
    const found = new Map();
    for (const item of root.querySelectorAll("[data-key]")) found.set(item.dataset.key, item.dataset.at || "");
    return found;
  }

  async function refresh() {
    const answer = await fetch(location.href, { cache: "no-store" });
    if (!answer.ok && answer.status !== 404) return;
    const next = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (answer.status === 404) {
      document.querySelector("main").replaceWith(next.querySelector("main"));
      return;
    }
    const before = marks(document);
    for (const part of document.querySelectorAll("[data-live]")) {
      const twin = next.querySelector(`[data-live="${part.dataset.live}"]`);
      if (!twin || sameText(part, twin)) continue;
      const focused = part.contains(document.activeElement) ? document.activeElement : null;
      const again = focused && { href: focused.getAttribute("href"), value: focused.value };
      for (const item of twin.querySelectorAll("[data-key]")) {
        if (before.get(item.dataset.key) !== (item.dataset.at || "")) item.classList.add("fresh");
      }
      part.replaceWith(twin);
      tellTimes(twin);
      if (again) {
        const same = [...twin.querySelectorAll("a, button")].find(
          (x) => again.href ? x.getAttribute("href") === again.href : x.value === again.value);
        if (same) same.focus();
      }
    }
    freshForms(next);
    document.title = next.title;
  }

  // What the server sent is kept, since times are rewritten in place.
  function sameText(part, twin) {
    const clean = (x) => {
      const copy = x.cloneNode(true);
      for (const t of copy.querySelectorAll("time")) { t.textContent = ""; t.removeAttribute("title"); }
      for (const f of copy.querySelectorAll(".fresh")) f.classList.remove("fresh");
      for (const f of copy.querySelectorAll("[class='']")) f.removeAttribute("class");
      return copy.innerHTML;
    };
    return clean(part) === clean(twin);
  }

  // A form that nobody has touched takes the values that others set.
  function freshForms(next) {
    for (const form of document.querySelectorAll("form[data-fresh]")) {
      const twin = next.querySelector(`form[data-fresh="${form.dataset.fresh}"]`);
      const closed = form.closest("details:not([open])");
      if (!twin || (!closed && (touched(form) || form.contains(document.activeElement)))) continue;
      form.replaceWith(twin);
    }
  }

  function touched(form) {
    for (const was of form.querySelectorAll("[name^='was.']")) {
      const input = form.elements[was.name.slice(4)];
      if (input && input.value.replace(/\r\n?/g, "\n") !== was.value.replace(/\r\n?/g, "\n")) return true;
    }
    return false;
  }

  async function submit(form, submitter) {
    const error = form.querySelector(".error");
    error.hidden = true;
    const data = new FormData(form, submitter);
    for (const b of form.querySelectorAll("button")) b.disabled = true;
    try {
      const answer = await fetch(form.action, { method: "POST", body: data, headers: { "X-Desk-Script": "1" } });
      if (!answer.ok && answer.headers.get("Content-Type")?.startsWith("text/plain")) throw new Error(await answer.text());
      if (!answer.ok) throw new Error("The desk said no.");
      if (new URL(answer.url).pathname !== location.pathname) { location.assign(answer.url); return; }
      if ("clear" in form.dataset) form.reset();
      if ("fresh" in form.dataset) form.closest("details").open = false;
      await refresh();
    } catch (problem) {
      error.textContent = problem instanceof TypeError ? "The desk does not answer. Nothing was saved." : problem.message;
      error.hidden = false;
    } finally {
      for (const b of form.querySelectorAll("button")) b.disabled = false;
    }
  }

  document.addEventListener("submit", (event) => {
    if (!("async" in event.target.dataset)) return;
    event.preventDefault();
    submit(event.target, event.submitter);
  });
  document.addEventListener("change", (event) => {
    const input = event.target;
    if ("submit" in input.dataset && (input.value || input.type !== "file")) input.form.requestSubmit();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.form) event.target.form.requestSubmit();
  });

  const drop = document.querySelector("[data-drop]");
  if (drop) {
    const holdsFiles = (event) => [...(event.dataTransfer?.types || [])].includes("Files");
    drop.addEventListener("dragover", (event) => {
      if (!holdsFiles(event)) return;
      event.preventDefault();
      drop.classList.add("dropping");
    });
    drop.addEventListener("dragleave", (event) => {
      if (!drop.contains(event.relatedTarget)) drop.classList.remove("dropping");
    });
    drop.addEventListener("drop", (event) => {
      drop.classList.remove("dropping");
      if (!holdsFiles(event)) return;
      event.preventDefault();
      const input = document.getElementById(drop.dataset.drop);
      input.files = event.dataTransfer.files;
      input.form.requestSubmit();
    });
  }

  // One refresh at a time; what comes meanwhile asks for one more.
  let running = false, again = false;
  async function soon() {
    if (running) { again = true; return; }
    running = true;
    try {
      do { again = false; await refresh(); } while (again);
    } catch { /* the next event tries again */ } finally { running = false; }
  }

  const events = new EventSource("/events");
  let seen = null;
  events.onmessage = (event) => {
    offline.hidden = true;
    if (seen !== event.data) soon();
    seen = event.data;
  };
  events.onerror = () => { offline.hidden = false; };
  window.addEventListener("pagehide", () => events.close());

  tellTimes(document);
  setInterval(() => tellTimes(document), 20000);
})();
