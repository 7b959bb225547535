// Everything here is an improvement on pages that work without it.
(function () {
  "use strict";

  // -- theme -----------------------------------------------------------------------------------
  document.querySelectorAll("[data-theme-switch]").forEach(function (button) {
    var root = document.documentElement;
    button.hidden = false;
    button.addEventListener("click", function () {
      var dark = root.dataset.theme
        ? root.dataset.theme === "dark"
        : matchMedia("(prefers-color-scheme: dark)").matches;
      root.dataset.theme = dark ? "light" : "dark";
      try { localStorage.setItem("theme", root.dataset.theme); } catch (e) { /* not kept */ }
    });
  });

  // -- focus what went wrong -------------------------------------------------------------------
  var summary = document.querySelector("[data-focus]");
  if (summary) summary.focus();

  // -- a form that must be sent once -------------------------------------------------------------
  document.querySelectorAll("form[data-once]").forEach(function (form) {
    form.addEventListener("submit", function (event) {
      if (form.dataset.sent) { event.preventDefault(); return; }
      form.dataset.sent = "yes";
    });
    addEventListener("pageshow", function () { delete form.dataset.sent; });
  });

  // -- tabs: what was chosen once is open everywhere; paper shows everything ---------------------
  var tabs = document.querySelectorAll(".prose .tabs > details");
  function named(tab) { return tab.firstElementChild.textContent.trim(); }
  function choose(name) {
    document.querySelectorAll(".prose .tabs").forEach(function (group) {
      var all = Array.from(group.children);
      if (!all.some(function (tab) { return named(tab) === name; })) return;
      all.forEach(function (tab) { tab.open = named(tab) === name; });
    });
  }
  if (tabs.length) {
    try { choose(localStorage.getItem("tab")); } catch (e) { /* the first stays open */ }
    tabs.forEach(function (tab) {
      tab.firstElementChild.addEventListener("click", function () {
        if (!tab.open) try { localStorage.setItem("tab", named(tab)); } catch (e) { /* not kept */ }
      });
    });
  }
  addEventListener("beforeprint", function () {
    document.querySelectorAll(".prose details:not([open])").forEach(function (part) {
      part.open = true;
      addEventListener("afterprint", function () { part.open = false; }, { once: true });
    });
  });

  // -- shortcuts: "/" and Ctrl-K go to the search box -------------------------------------------
  document.addEventListener("keydown", function (event) {
    var typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) || event.target.isContentEditable;
    var slash = event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey;
    var control = event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey);
    if (!slash && !control) return;
    var box = document.querySelector("[data-search] input[type=search]");
    if (!box) return;
    event.preventDefault();
    box.focus();
    box.select();
  });

  function after(wait, work) {
    var timer;
    return function () {
      var self = this, given = arguments;
      clearTimeout(timer);
      timer = setTimeout(function () { work.apply(self, given); }, wait);
    };
  }

  function fetchList(url, words, done) {
    fetch(url + (url.indexOf("?") < 0 ? "?" : "&") + "q=" + encodeURIComponent(words), {
      headers: { Accept: "application/json" }, credentials: "same-origin"
    }).then(function (answer) { return answer.ok ? answer.json() : { suggestions: [] }; })
      .then(function (body) { done(body.suggestions || []); })
      .catch(function () { done([]); });
  }

  // Text in parts that are not marked and marked by turns, as an element of its own.
  function marked(parts) {
    var text = document.createElement("span");
    parts.forEach(function (part, index) {
      var shown = index % 2 ? document.createElement("mark") : document.createTextNode(part);
      if (index % 2) shown.textContent = part;
      text.append(shown);
    });
    return text;
  }

  // -- suggestions while typing: ARIA 1.2 combobox ----------------------------------------------
  document.querySelectorAll("input[data-suggest]").forEach(function (input, number) {
    var list = document.createElement("div");
    var status = document.createElement("p");
    var at = -1, left = false; // `left`: what was typed so far needs no more suggestions
    list.id = "suggestions-" + number;
    list.className = "suggestions";
    list.hidden = true;
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", "Suggestions");
    status.className = "visually-hidden";
    status.setAttribute("role", "status");
    input.parentNode.append(list, status);
    input.setAttribute("role", "combobox");
    input.setAttribute("aria-autocomplete", "list");
    input.setAttribute("aria-controls", list.id);
    input.setAttribute("aria-expanded", "false");

    function close() {
      list.hidden = true;
      at = -1;
      input.setAttribute("aria-expanded", "false");
      input.removeAttribute("aria-activedescendant");
    }
    function leave() { left = true; close(); }
    function mark(next) {
      var options = list.children;
      if (!options.length) return;
      if (at >= 0) options[at].setAttribute("aria-selected", "false");
      at = (next + options.length) % options.length;
      options[at].setAttribute("aria-selected", "true");
      options[at].scrollIntoView({ block: "nearest" });
      input.setAttribute("aria-activedescendant", options[at].id);
    }
    // A link, so that it opens in a new tab as others do; keys reach it through the input.
    function optionFor(item, index) {
      var option = document.createElement("a"), note = document.createElement("span");
      var title = marked(item.marked.title), place = document.createElement("bdi");
      option.id = list.id + "-" + index;
      option.href = item.url;
      option.tabIndex = -1;
      option.setAttribute("role", "option");
      option.setAttribute("aria-selected", "false");
      option.lang = item.lang;
      option.dir = item.dir;
      title.className = "suggestion-title";
      note.className = "suggestion-note";
      place.lang = document.documentElement.lang;
      place.textContent = item.collection + (item.language ? " \u00b7 " + item.language : "");
      note.append(place);
      if (item.text) note.append(" \u00b7 ", marked(item.marked.text));
      option.append(title, " ", note);
      option.addEventListener("click", close);
      return option;
    }
    function show(found) {
      list.replaceChildren.apply(list, found.map(optionFor));
      close();
      if (found.length) {
        list.hidden = false;
        list.scrollTop = 0;
        input.setAttribute("aria-expanded", "true");
      }
      status.textContent = found.length
        ? found.length + (found.length === 1 ? " suggestion" : " suggestions") + ", use the arrow keys"
        : "";
    }
    list.addEventListener("mousedown", function (event) { event.preventDefault(); });
    input.addEventListener("input", function () { left = false; });
    input.addEventListener("input", after(180, function () {
      var words = input.value.trim();
      if (words.length < 2) { show([]); return; }
      fetchList(input.dataset.suggest, words, function (found) {
        if (!left && input.value.trim() === words && document.activeElement === input) show(found);
      });
    }));
    input.addEventListener("keydown", function (event) {
      // While letters are composed, the keys choose among what the input method offers.
      if (event.isComposing || event.keyCode === 229) return;
      if (event.key === "Enter" && at < 0) leave();
      if (list.hidden) return;
      if (event.key === "ArrowDown") { event.preventDefault(); mark(at + 1); }
      else if (event.key === "ArrowUp") { event.preventDefault(); mark(at < 0 ? -1 : at - 1); }
      else if (event.key === "Escape") { event.preventDefault(); leave(); }
      else if (event.key === "Enter") {
        event.preventDefault();
        var chosen = list.children[at];
        leave();
        chosen.click();
      }
    });
    input.addEventListener("blur", close);
  });

  // -- answers beside the ticket form while the subject is written --------------------------------
  document.querySelectorAll("[data-form-suggest]").forEach(function (box) {
    var subject = document.getElementById(box.dataset.for);
    var list = box.querySelector("ul");
    if (!subject || !list) return;
    subject.addEventListener("input", after(600, function () {
      var words = subject.value.trim();
      if (words.length < 4) return;
      fetchList(box.dataset.formSuggest, words, function (found) {
        list.replaceChildren();
        found.slice(0, 3).forEach(function (item) {
          var row = document.createElement("li"), link = document.createElement("a");
          var address = new URL(item.url, location.href);
          address.searchParams.set("suggested", box.dataset.search);
          link.href = address.pathname + address.search + address.hash;
          link.target = "_blank";
          link.rel = "noopener";
          link.lang = item.lang;
          link.dir = item.dir;
          link.textContent = item.title;
          row.append(link);
          list.append(row);
        });
        box.hidden = !found.length;
      });
    }));
  });

  // -- how long an article was read, in seconds with the page in view -----------------------------
  var article = document.querySelector("[data-dwell]");
  if (article && navigator.sendBeacon) {
    var seen = 0, since = document.visibilityState === "visible" ? Date.now() : 0, sent = 0;
    var count = function () {
      if (since) { seen += Date.now() - since; since = 0; }
      if (document.visibilityState === "visible") since = Date.now();
      return Math.floor(seen / 1000);
    };
    var send = function () {
      var seconds = count();
      if (seconds < 1 || seconds === sent) return;
      sent = seconds;
      var form = new FormData();
      form.append("article", article.dataset.article);
      form.append("search", article.dataset.searchId);
      form.append("seconds", String(seconds));
      navigator.sendBeacon(article.dataset.dwell, form);
    };
    setTimeout(send, 10500); // past the ten seconds that count as reading
    document.addEventListener("visibilitychange", function () {
      if (document.visibilityState === "hidden") send(); else since = Date.now();
    });
    addEventListener("pagehide", send);
  }
})();
