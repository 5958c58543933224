// Starts the reference. Dark mode is a class of Swagger UI's own, set as the system has it.
(function () {
  "use strict";
  const place = document.getElementById("reference");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const paint = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
  dark.addEventListener("change", paint);
  paint();
  window.SwaggerUIBundle({
    url: place.dataset.schema,
    domNode: place,
    deepLinking: true,
    persistAuthorization: true,
    displayRequestDuration: true,
    docExpansion: "list",
    defaultModelsExpandDepth: -1,
    tryItOutEnabled: false,
    // Nothing leaves this machine: no validator badge.
    validatorUrl: null,
    requestInterceptor(request) {
      request.credentials = "omit";
      request.headers["Accept-Language"] = document.documentElement.lang;
      return request;
    },
  });
})();
