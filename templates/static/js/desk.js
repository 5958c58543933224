// The desk's scan box: keeps its focus for the next parcel, and scans with the camera where the
// browser can (everything works without).
(function () {
  "use strict";
  var form = document.querySelector("[data-desk-scan]");
  if (!form) return;
  var text = form.querySelector("[name=code]");
  var button = form.querySelector("[data-desk-camera]");
  var video = form.querySelector("[data-desk-video]");
  var stream = null;

  form.addEventListener("htmx:afterRequest", function (event) {
    if (event.target !== form) return;
    text.value = "";
    text.focus();
    document.body.dispatchEvent(new CustomEvent("desk:handed"));
  });

  var stop = function () {
    if (stream) stream.getTracks().forEach(function (track) { track.stop(); });
    stream = null;
    video.hidden = true;
  };

  if (!("BarcodeDetector" in window) || !navigator.mediaDevices) return;
  button.hidden = false;
  button.addEventListener("click", function () {
    if (stream) { stop(); return; }
    var detector = new window.BarcodeDetector({ formats: ["qr_code"] });
    navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } }).then(function (s) {
      stream = s;
      video.srcObject = s;
      video.hidden = false;
      video.play();
      var look = function () {
        if (!stream) return;
        detector.detect(video).then(function (codes) {
          if (codes.length && stream) {
            stop();
            text.value = codes[0].rawValue;
            form.requestSubmit();
          } else {
            window.setTimeout(look, 200);
          }
        }, function () { window.setTimeout(look, 400); });
      };
      look();
    }, function () { button.hidden = true; text.focus(); });
  });
  window.addEventListener("pagehide", stop);
})();
