// What HTMX leaves to the page: say when the network is slow or gone, send nothing twice, keep
// what was typed, and leave the keyboard where its person expects it.
(function () {
  "use strict";
  var SLOW_MS = 1500;
  var byId = function (id) { return document.getElementById(id); };
  var word = function (name) { return byId("network").dataset[name]; };

  // --- the weather of the network ------------------------------------------------------------
  var waiting = 0;
  var away = !navigator.onLine;
  var slow = false;
  var timer = null;
  var weather = function () {
    var banner = byId("network");
    var words = away ? word("away") : slow ? word("slow") : "";
    byId("busy").classList.toggle("on", waiting > 0);
    banner.hidden = !words;
    banner.className = "network " + (away ? "bad" : "warn");
    if (banner.textContent !== words) banner.textContent = words;
  };
  var started = function () {
    waiting += 1;
    if (!timer) timer = window.setTimeout(function () { slow = true; weather(); }, SLOW_MS);
    weather();
  };
  var ended = function () {
    waiting = Math.max(0, waiting - 1);
    if (!waiting) {
      window.clearTimeout(timer);
      timer = null;
      slow = false;
    }
    weather();
  };
  window.addEventListener("offline", function () { away = true; weather(); });
  window.addEventListener("online", function () { away = false; weather(); });

  // --- one tap is one request ----------------------------------------------------------------
  var labels = new WeakMap();
  var submitters = new WeakMap();
  var buttonsOf = function (form) {
    return form.querySelectorAll("button:not([type=button])");
  };
  var hold = function (form) {
    form.setAttribute("aria-busy", "true");
    buttonsOf(form).forEach(function (button) { button.setAttribute("aria-disabled", "true"); });
    var pressed = submitters.get(form) || buttonsOf(form)[0];
    if (!pressed || labels.has(pressed)) return;
    labels.set(pressed, Array.from(pressed.childNodes));
    pressed.replaceChildren(word("wait"));
  };
  var release = function (form) {
    form.removeAttribute("aria-busy");
    buttonsOf(form).forEach(function (button) {
      button.removeAttribute("aria-disabled");
      if (!labels.has(button)) return;
      button.replaceChildren.apply(button, labels.get(button));
      labels.delete(button);
    });
  };
  var writes = function (form) { return form.getAttribute("method") === "post"; };
  // Before HTMX, which would put a second tap in a queue and send it after the first.
  document.addEventListener("submit", function (event) {
    var form = event.target;
    if (!writes(form)) return;
    forget(form);
    if (form.getAttribute("aria-busy")) {
      event.preventDefault();
      event.stopPropagation();
      return;
    }
    submitters.set(form, event.submitter);
    if (!navigator.onLine) {
      event.preventDefault();
      event.stopPropagation();
      fail(form, "lost");
    }
  }, true);
  // Forms that leave the page. Coming back to it finds its buttons ready.
  document.addEventListener("submit", function (event) {
    if (event.defaultPrevented || !writes(event.target)) return;
    hold(event.target);
    started();
  });
  window.addEventListener("pageshow", function (event) {
    if (!event.persisted) return;
    document.querySelectorAll("form[aria-busy]").forEach(release);
    ended();
  });

  // --- what did not work is said where it was asked, with a way to ask again -------------------
  var forget = function (form) {
    form.querySelectorAll("[data-failure]").forEach(function (note) { note.remove(); });
  };
  var fail = function (source, name) {
    var form = source.closest("form");
    var note = document.createElement("div");
    var again = document.createElement("button");
    note.className = "note error";
    note.dataset.failure = name;
    note.setAttribute("role", "alert");
    note.append(word(name), " ", again);
    again.type = "button";
    again.className = "btn";
    again.textContent = word("again");
    again.addEventListener("click", function () {
      note.remove();
      if (form) form.requestSubmit(submitters.get(form) || undefined);
      else source.click();
    });
    if (form && writes(form)) {
      forget(form);
      form.append(note);
    } else {
      byId("messages").replaceChildren(note);
    }
    note.scrollIntoView({ block: "nearest" });
  };
  // What renews itself fails in silence, but for the banner.
  var renews = function (element) { return /every /.test(element.getAttribute("hx-trigger") || ""); };

  // --- HTMX ----------------------------------------------------------------------------------
  document.addEventListener("htmx:beforeRequest", function (event) {
    var source = event.detail.elt;
    // Somebody is at work in there: not now.
    if (renews(source) && source.querySelector("[aria-busy], [data-failure]")) {
      event.preventDefault();
      return;
    }
    if (source.matches("form") && writes(source)) hold(source);
    started();
  });
  document.addEventListener("htmx:afterRequest", function (event) {
    if (event.detail.elt.matches("form")) release(event.detail.elt);
    if (event.detail.xhr.status) away = false;
    ended();
  });
  document.addEventListener("htmx:sendError", function (event) {
    away = true;
    weather();
    if (!renews(event.detail.elt)) fail(event.detail.elt, "lost");
  });
  document.addEventListener("htmx:timeout", function (event) {
    if (!renews(event.detail.elt)) fail(event.detail.elt, "late");
  });
  document.addEventListener("htmx:responseError", function (event) {
    var status = event.detail.xhr.status;
    if (status === 401 || status === 403) window.location.reload();
    else if (!renews(event.detail.elt)) fail(event.detail.elt, "failed");
  });
  var focused = false;
  document.addEventListener("htmx:beforeSwap", function (event) {
    var detail = event.detail;
    var status = detail.xhr.status;
    var answered = new URL(detail.xhr.responseURL || window.location.href);
    // The session has ended, or somebody is asked who they are: another frame, so a whole page.
    if (answered.pathname.indexOf("/accounts/") === 0) {
      detail.shouldSwap = false;
      if (answered.pathname === "/accounts/login/") answered.search = "?next=" + encodeURIComponent(window.location.pathname);
      window.location.assign(answered.href);
      return;
    }
    // A refusal (4xx) is a page or a fragment with its reason: shown like any other answer.
    var told = detail.xhr.getResponseHeader("HX-Refusal") || detail.boosted;
    if (status >= 400 && status < 500 && status !== 401 && status !== 403 && told) {
      detail.shouldSwap = true;
      detail.isError = false;
    }
    focused = detail.target.contains(document.activeElement);
  });
  document.addEventListener("htmx:afterSettle", function (event) {
    var target = event.detail.target;
    var takes = target.hasAttribute("data-takes-focus");
    var nowhere = document.activeElement === document.body || document.activeElement === null;
    if (takes || ((event.detail.boosted || focused) && nowhere)) {
      var heading = target.querySelector("h1, h2");
      if (heading) {
        heading.setAttribute("tabindex", "-1");
        heading.focus({ preventScroll: !takes });
      }
    }
    focused = false;
    weather();
    fade();
  });
  // Good news needs no answer and goes by itself.
  var fade = function () {
    window.setTimeout(function () {
      document.querySelectorAll("#messages .success").forEach(function (note) { note.remove(); });
    }, 8000);
  };
  weather();
  fade();
})();
