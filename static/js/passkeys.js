/* Asks the device for a passkey and sends its answer: the form names what to do in data-passkey and carries the server's options. */
(() => {
  "use strict";

  const form = document.querySelector("form[data-passkey]");
  if (!form) return;

  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (sign) => sign.charCodeAt(0));
  const words = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

  const read = () => {
    const options = JSON.parse(form.dataset.options);
    options.challenge = bytes(options.challenge);
    if (options.user) options.user.id = bytes(options.user.id);
    for (const list of ["excludeCredentials", "allowCredentials"]) {
      for (const known of options[list] || []) known.id = bytes(known.id);
    }
    return options;
  };

  const written = (passkey) => {
    const response = {};
    for (const part of ["attestationObject", "clientDataJSON", "authenticatorData", "signature", "userHandle"]) {
      if (passkey.response[part]) response[part] = words(passkey.response[part]);
    }
    if (passkey.response.getTransports) response.transports = passkey.response.getTransports();
    const extensions = JSON.stringify(passkey.getClientExtensionResults());
    return JSON.stringify({ id: passkey.id, rawId: words(passkey.rawId), type: passkey.type, response, extensions });
  };

  navigator.credentials[form.dataset.passkey]({ publicKey: read() }).then(
    (passkey) => {
      form.elements.credential.value = written(passkey);
      form.submit();
    },
    () => {
      form.querySelector("[data-failed]").hidden = false;
    },
  );
})();
