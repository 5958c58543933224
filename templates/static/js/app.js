// What HTMX leaves to the page: say so when a request fails, and show when one is under way.
(function () {
  "use strict";
  var waiting = 0;
  var busy = function (step) {
    waiting = Math.max(0, waiting + step);
    document.getElementById("busy").classList.toggle("on", waiting > 0);
  };
  document.addEventListener("htmx:beforeRequest", function () { busy(1); });
  document.addEventListener("htmx:afterRequest", function () { busy(-1); });
  // A refusal (4xx) is a page fragment with its reason: show it like any other answer.
  document.addEventListener("htmx:beforeSwap", function (event) {
    var status = event.detail.xhr.status;
    if (status >= 400 && status < 500 && event.detail.xhr.getResponseHeader("HX-Refusal")) {
      event.detail.shouldSwap = true;
      event.detail.isError = false;
    }
  });
  var say = function (text) {
    var note = document.createElement("p");
    note.className = "note error";
    note.setAttribute("role", "alert");
    note.textContent = text;
    document.getElementById("messages").replaceChildren(note);
    window.scrollTo(0, 0);
  };
  var zh = document.documentElement.lang.indexOf("zh") === 0;
  document.addEventListener("htmx:sendError", function () {
    say(zh ? "网络不通，请重试。" : "The network is away. Try again.");
  });
  document.addEventListener("htmx:responseError", function (event) {
    if (event.detail.xhr.status === 401 || event.detail.xhr.status === 403) {
      window.location.reload();
      return;
    }
    say(zh ? "操作没有成功，请重试。" : "That did not work. Try again.");
  });
  // One tap is one request, also for forms without HTMX.
  document.addEventListener("submit", function (event) {
    var form = event.target;
    if (form.hasAttribute("hx-post") || form.hasAttribute("hx-get")) return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "1";
    window.addEventListener("pageshow", function () { delete form.dataset.sent; }, { once: true });
  });
})();
