// What the theme leaves out for keyboards and screen readers.
(function () {
  "use strict";
  // A select2 box is named after its field, as the select that it stands for is.
  var name = function () {
    document.querySelectorAll(".select2-selection__rendered[id]").forEach(function (box) {
      var field = box.id.replace(/^select2-/, "").replace(/-container$/, "");
      var label = document.querySelector('label[for="' + CSS.escape(field) + '"]');
      if (label) box.setAttribute("aria-label", label.textContent.trim());
    });
  };
  // A link without an address is a button: it is reached and pressed with the keyboard too.
  var reach = function () {
    document.querySelectorAll("a:not([href])").forEach(function (link) {
      if (!Array.from(link.attributes).some(function (a) { return /^(x-on:|@)click/.test(a.name); })) return;
      link.setAttribute("role", "button");
      link.setAttribute("tabindex", "0");
    });
  };
  // The scrolled part of the menu says what it is in the language of the page.
  var scrolled = function () {
    var words = document.documentElement.lang.indexOf("zh") === 0 ? "可滚动区域" : "Scrolled content";
    document.querySelectorAll(".simplebar-content-wrapper").forEach(function (box) { box.setAttribute("aria-label", words); });
  };
  document.addEventListener("keydown", function (event) {
    if (event.key !== "Enter" && event.key !== " ") return;
    if (!event.target.matches('a:not([href])[role="button"]')) return;
    event.preventDefault();
    event.target.click();
  });
  var due = 0;
  var later = function () {
    window.cancelAnimationFrame(due);
    due = window.requestAnimationFrame(function () { name(); reach(); });
  };
  // Boxes come when their library is ready, and with every row that is added.
  document.addEventListener("DOMContentLoaded", function () {
    later();
    new MutationObserver(later).observe(document.body, { childList: true, subtree: true });
  });
  window.addEventListener("load", function () { later(); scrolled(); });
})();
