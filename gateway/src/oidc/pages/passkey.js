// Signing in with a passkey: asks the browser, puts what the device says into the form, and sends it. Without this script,
// or without passkeys, the form is what it always was.
'use strict';
(() => {
  const button = document.getElementById('passkey');
  const field = document.getElementById('passkey-said');
  if (!button || !field || !window.PublicKeyCredential || !PublicKeyCredential.parseRequestOptionsFromJSON) return;
  button.hidden = false;
  button.addEventListener('click', async () => {
    button.disabled = true;
    try {
      const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(JSON.parse(button.dataset.options));
      const credential = await navigator.credentials.get({ publicKey });
      field.value = JSON.stringify(credential.toJSON());
      // `submit` asks for nothing that is required: whoever shows a passkey types nothing.
      field.form.submit();
    } catch (error) {
      // They thought better of it, or the device did.
      button.disabled = false;
      button.focus();
    }
  });
})();
