// Passkeys: forms marked data-passkey show themselves where the browser can, and are sent with the device's answer.
(() => {
  if (!window.PublicKeyCredential) return;
  const text = buffer => btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
  const bytes = word => new TextEncoder().encode(word);
  const parts = {
    create: r => ({ clientDataJSON: text(r.clientDataJSON), attestationObject: text(r.attestationObject) }),
    get: r => ({ clientDataJSON: text(r.clientDataJSON), authenticatorData: text(r.authenticatorData),
      signature: text(r.signature), userHandle: r.userHandle ? text(r.userHandle) : null }),
  };
  const ask = async form => {
    const { passkey: act, rp, site, user, name } = form.dataset;
    const { challenge } = await (await fetch("/passkey/challenge", { cache: "no-store" })).json();
    const shared = { challenge: bytes(challenge), timeout: 120000 };
    const publicKey = act === "create"
      ? { ...shared, rp: { id: rp, name: site }, user: { id: bytes(user), name, displayName: name }, attestation: "none",
        pubKeyCredParams: [-8, -7, -257].map(alg => ({ type: "public-key", alg })),
        authenticatorSelection: { residentKey: "required", userVerification: "required" } }
      : { ...shared, rpId: rp, userVerification: "required" };
    const made = await navigator.credentials[act]({ publicKey });
    return JSON.stringify({ id: made.id, rawId: text(made.rawId), type: made.type, response: parts[act](made.response) });
  };
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    form.hidden = false;
    form.addEventListener("submit", async event => {
      if (form.elements.answer.value) return;
      event.preventDefault();
      const said = form.querySelector("[role=status]");
      said.hidden = true;
      try {
        form.elements.answer.value = await ask(form);
        form.submit();
      } catch {
        said.hidden = false;
      }
    });
  }
})();
