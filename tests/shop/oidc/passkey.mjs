// A real browser with a virtual authenticator, which know nothing of us, against the shop that runs: a passkey is made,
// signs in at the page and over HTTP, and is good once for each challenge. Needs node --experimental-websocket and Chromium.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const { ISSUER, EMAIL, PASSWORD, CHROMIUM } = process.env;
const home = mkdtempSync(join(tmpdir(), 'mercat-chromium-'));
const flags = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run', '--remote-debugging-port=0'];
const chromium = spawn(CHROMIUM, [...flags, `--user-data-dir=${home}`, 'about:blank'], { stdio: ['ignore', 'ignore', 'pipe'] });

const address = await new Promise((found, failed) => {
  let said = '';
  chromium.stderr.on('data', (bytes) => {
    said += bytes;
    const at = said.match(/DevTools listening on (ws:\/\/\S+)/);
    if (at) found(at[1]);
  });
  chromium.on('exit', () => failed(new Error(`Chromium ended: ${said}`)));
});
const socket = new WebSocket(address);
await new Promise((opened, failed) => { socket.onopen = opened; socket.onerror = failed; });
const waiting = new Map();
let last = 0;
socket.onmessage = ({ data }) => {
  const { id, result, error } = JSON.parse(data);
  const waiter = waiting.get(id);
  if (!waiter) return;
  waiting.delete(id);
  error ? waiter.failed(new Error(JSON.stringify(error))) : waiter.done(result);
};
function ask(method, params = {}, sessionId = page) {
  const id = ++last;
  socket.send(JSON.stringify({ id, method, params, sessionId }));
  return new Promise((done, failed) => waiting.set(id, { done, failed }));
}
let page;
const { targetId } = await ask('Target.createTarget', { url: 'about:blank' });
page = (await ask('Target.attachToTarget', { targetId, flatten: true })).sessionId;
await ask('Page.enable');
await ask('WebAuthn.enable');
const device = { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true };
const { authenticatorId } = await ask('WebAuthn.addVirtualAuthenticator', { options: device });

// What an expression says on the page that is open.
async function run(expression) {
  const said = await ask('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true, userGesture: true });
  if (said.exceptionDetails) throw new Error(JSON.stringify(said.exceptionDetails));
  return said.result.value;
}
// Asks the page until it says yes.
async function until(expression) {
  const began = Date.now();
  for (;;) {
    const said = await run(`document.readyState === 'complete' && (${expression})`).catch(() => false);
    if (said) return said;
    if (Date.now() - began > 20000) throw new Error(`never: ${expression} at ${await run('location.href + document.body.innerText')}`);
    await new Promise((then) => setTimeout(then, 50));
  }
}
async function api(method, path, body, token) {
  const headers = { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) };
  const answer = await fetch(`${ISSUER}${path}`, { method, headers, body: body && JSON.stringify(body) });
  return { status: answer.status, body: await answer.json().catch(() => ({})) };
}
const created = (options) => run(`navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(${JSON.stringify(options)}) }).then((c) => c.toJSON())`);
const shown = (options) => run(`navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(${JSON.stringify(options)}) }).then((c) => c.toJSON())`);
const sign_in = (credential) => api('POST', '/api/v1/users/authenticate/passkey', { credential });
const begin = async () => (await api('POST', '/api/v1/users/authenticate/passkey/start', {})).body.options;

try {
  const { body: session } = await api('POST', '/api/v1/users/authenticate', { email: EMAIL, password: PASSWORD });
  const own = `/api/v1/users/${session.user_id}/passkeys`;
  await ask('Page.navigate', { url: `${ISSUER}/oauth2/device` });
  await until(`document.getElementById('passkey') && !document.getElementById('passkey').hidden`);
  const started = await api('POST', `${own}/start`, undefined, session.access_token);
  assert.equal(started.status, 200, JSON.stringify(started.body));
  const made = await api('POST', own, { name: 'Laptop', credential: await created(started.body.options) }, session.access_token);
  assert.equal(made.status, 201, JSON.stringify(made.body));
  console.log('ok a browser makes a passkey');

  const credential = await shown(await begin());
  const first = await sign_in(credential);
  assert.equal(first.status, 200, JSON.stringify(first.body));
  assert.equal(first.body.user_id, session.user_id);
  assert.ok(first.body.amr.includes('mfa'));
  assert.equal((await api('GET', own, undefined, first.body.access_token)).body.data.length, 1);
  assert.equal((await sign_in(credential)).status, 401, 'a challenge is good once');
  console.log('ok it signs in over HTTP, once for each challenge');

  await run(`document.getElementById('passkey').click()`);
  await until(`document.body.innerText.includes('The code that the device shows')`);
  console.log('ok it signs in at the page, whose policy lets its script run');

  await ask('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false });
  await assert.rejects(async () => shown(await begin()), 'the browser itself refuses without verification');
  await ask('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: true });
  const late = await shown(await begin());
  assert.equal((await api('DELETE', `${own}/${made.body.passkey_id}`, undefined, first.body.access_token)).status, 200);
  assert.equal((await sign_in(late)).status, 401, 'a passkey that is no more');
  console.log('ok a passkey that was forgotten lets nobody in');
} finally {
  socket.close();
  chromium.removeAllListeners('exit');
  const ended = new Promise((done) => chromium.on('exit', done));
  chromium.kill();
  await ended;
  rmSync(home, { recursive: true, force: true, maxRetries: 50, retryDelay: 100 });
}
