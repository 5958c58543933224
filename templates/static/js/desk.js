// The desk's scan box: typing always works, the camera where the browser can read codes; the
// answer fills the screen, and the next parcel needs one key.
(function () {
  "use strict";
  var SOUND = "desk.sound";
  var find = function (name) { return document.querySelector("[data-desk-" + name + "]"); };
  var input = function () {
    var form = find("scan");
    return form && form.querySelector("[name=code]");
  };

  // --- the answer ----------------------------------------------------------------------------
  var open = function () {
    var answer = document.querySelector("dialog.result");
    if (!answer || answer.dataset.shown) return;
    answer.dataset.shown = "1";
    answer.removeAttribute("open");
    answer.showModal();
    play(answer.dataset.outcome === "ok");
    answer.addEventListener("close", function () {
      answer.remove();
      if (input()) input().focus();
    });
  };
  document.addEventListener("click", function (event) {
    var answer = event.target.closest("[data-desk-next]") && event.target.closest("dialog");
    if (!answer || !input()) return;
    event.preventDefault();
    answer.close();
  });
  // A hand scanner types: its first character puts the answer away and is kept.
  document.addEventListener("keydown", function (event) {
    var answer = document.querySelector("dialog.result[open]");
    if (!answer || event.key.length !== 1 || event.key === " " || event.ctrlKey || event.metaKey || event.altKey) return;
    answer.close();
    // After a whole page nothing had the focus that closing could give back.
    if (input()) input().focus();
  });
  document.addEventListener("htmx:afterSwap", function (event) {
    if (event.detail.target.id !== "result") return;
    if (input()) input().value = "";
    open();
    document.body.dispatchEvent(new CustomEvent("desk:handed"));
  });

  document.addEventListener("click", function (event) {
    if (event.target.closest("[data-desk-print]")) window.print();
  });

  // --- sounds, if wanted -----------------------------------------------------------------------
  var audio = null;
  var loud = function () {
    try { return window.localStorage.getItem(SOUND) === "on"; } catch (error) { return false; }
  };
  var play = function (good) {
    if (!loud() || !window.AudioContext) return;
    audio = audio || new window.AudioContext();
    (good ? [880, 1320] : [220, 160]).forEach(function (hertz, n) {
      var tone = audio.createOscillator();
      var volume = audio.createGain();
      var at = audio.currentTime + n * 0.16;
      tone.frequency.value = hertz;
      tone.type = good ? "sine" : "square";
      volume.gain.value = 0.12;
      tone.connect(volume).connect(audio.destination);
      tone.start(at);
      tone.stop(at + 0.14);
    });
  };
  var sound = function () {
    var button = find("sound");
    if (!button || !window.AudioContext) return;
    button.hidden = false;
    button.setAttribute("aria-pressed", String(loud()));
  };
  document.addEventListener("click", function (event) {
    if (!event.target.closest("[data-desk-sound]")) return;
    try { window.localStorage.setItem(SOUND, loud() ? "off" : "on"); } catch (error) { return; }
    sound();
    play(true);
  });

  // --- the camera ----------------------------------------------------------------------------
  var stream = null;
  var say = function (name) {
    var place = find("camera-word");
    if (place) place.textContent = name ? place.dataset[name] : "";
  };
  var stop = function () {
    if (stream) stream.getTracks().forEach(function (track) { track.stop(); });
    stream = null;
    if (!find("camera")) return;
    find("video").hidden = true;
    find("camera").textContent = find("camera").dataset.start;
    say("");
  };
  var look = function (detector) {
    if (!stream) return;
    var again = function (ms) { window.setTimeout(function () { look(detector); }, ms); };
    detector.detect(find("video")).then(function (codes) {
      if (!codes.length || !stream) { again(200); return; }
      stop();
      input().value = codes[0].rawValue;
      find("scan").requestSubmit();
    }, function () { again(400); });
  };
  var start = function () {
    say("asking");
    navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } }).then(function (found) {
      stream = found;
      find("video").srcObject = found;
      find("video").hidden = false;
      find("video").play();
      find("camera").textContent = find("camera").dataset.stop;
      say("aim");
      look(new window.BarcodeDetector({ formats: (find("scan").dataset.formats || "qr_code").split(" ") }));
    }, function (error) {
      say(error.name === "NotAllowedError" ? "refused" : "none");
      input().focus();
    });
  };
  document.addEventListener("click", function (event) {
    if (!event.target.closest("[data-desk-camera]")) return;
    if (stream) stop();
    else start();
  });
  var camera = function () {
    if (!find("camera") || !("BarcodeDetector" in window) || !navigator.mediaDevices) return;
    find("camera").hidden = false;
  };
  window.addEventListener("pagehide", stop);
  document.addEventListener("htmx:beforeSwap", function (event) {
    if (event.detail.target === document.body) stop();
  });

  var ready = function () {
    sound();
    camera();
    open();
  };
  document.addEventListener("htmx:afterSettle", ready);
  ready();
})();
