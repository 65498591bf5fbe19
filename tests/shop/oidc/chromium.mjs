// A real browser walks login, a second step, consent and logout, on a wide and on a narrow screen, in the light and in the
// dark. It looks at each page as people would who cannot see well, have no mouse, or a small screen.
//
//   SHOTS=<directory> keeps a picture of each page.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import puppeteer from 'puppeteer-core';

const { ISSUER, ADMIN, EMAIL, PASSWORD, BROWSER, SHOTS } = process.env;

// Where the application is: it answers whatever comes back to it.
const application = createServer((_, answer) => answer.end('<!doctype html><title>The application</title>'));
await new Promise((resolve) => application.listen(0, '127.0.0.1', resolve));
const app = `http://127.0.0.1:${application.address().port}`;

async function api(method, path, body, token = ADMIN) {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const answer = await fetch(`${ISSUER}${path}`, { method, headers, body: body && JSON.stringify(body) });
  assert.ok(answer.status < 300, `${path}: ${answer.status} ${await answer.clone().text()}`);
  return answer.json();
}

// The six digits of RFC 6238, as an authenticator shows them.
function totp(secret, step = Math.floor(Date.now() / 30000)) {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = [...secret.replace(/=+$/, '')].map((c) => alphabet.indexOf(c).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac('sha1', key).update(counter).digest();
  const at = mac[mac.length - 1] & 15;
  return String((mac.readUInt32BE(at) & 0x7fffffff) % 1e6).padStart(6, '0');
}

// What is wrong with a page for somebody, in words. Runs in the page.
function wrong() {
  const found = [];
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((part) => part / 255).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const rgb = (color) => color.match(/[\d.]+/g).map(Number);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = rgb(getComputedStyle(at).backgroundColor);
      if (color.length < 4 || color[3] > 0) return color.slice(0, 3);
    }
    return [255, 255, 255];
  };
  const contrast = (a, b) => {
    const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x);
    return (light + 0.05) / (dark + 0.05);
  };
  const shown = [...document.querySelectorAll('h1,p,label,li,button,a,input:not([type=hidden])')];
  for (const element of shown) {
    const style = getComputedStyle(element);
    const ratio = contrast(rgb(style.color).slice(0, 3), behind(element));
    const name = `${element.tagName} ${element.textContent.trim().slice(0, 30) || element.id}`;
    // WCAG 1.4.3 for texts, 1.4.11 for what can be worked with.
    if (ratio < 4.5) found.push(`${name}: contrast ${ratio.toFixed(2)}`);
    if (['INPUT', 'BUTTON'].includes(element.tagName)) {
      const edge = contrast(rgb(style.borderTopColor).slice(0, 3), behind(element.parentElement));
      if (edge < 3) found.push(`${name}: edge ${edge.toFixed(2)}`);
      const { width, height } = element.getBoundingClientRect();
      if (width < 44 || height < 44) found.push(`${name}: ${width}x${height}, too small for a finger`);
      element.focus({ focusVisible: true });
      const focused = getComputedStyle(element);
      const ring = contrast(rgb(focused.outlineColor).slice(0, 3), behind(element.parentElement));
      if (focused.outlineStyle === 'none' || ring < 3) found.push(`${name}: focus is not seen (${ring.toFixed(2)})`);
      element.blur();
    }
  }
  for (const input of document.querySelectorAll('input:not([type=hidden])')) {
    if (!input.labels.length || !input.labels[0].textContent.trim()) found.push(`${input.name} has no label`);
    if (!input.autocomplete) found.push(`${input.name} does not say what it is for`);
    const about = input.getAttribute('aria-describedby');
    if (document.querySelector('[role=alert]') && !about && input === document.activeElement) found.push(`${input.name} does not say what was wrong`);
    if (about && !document.getElementById(about)) found.push(`${input.name} is described by nothing`);
  }
  if (document.querySelectorAll('h1').length !== 1) found.push('there is not one heading');
  if (!document.documentElement.lang || !document.title || !document.querySelector('main')) found.push('no language, title or main part');
  if (document.documentElement.scrollWidth > innerWidth) found.push(`wider than the screen: ${document.documentElement.scrollWidth}`);
  return found;
}

const browser = await puppeteer.launch({ executablePath: BROWSER, args: ['--no-sandbox', '--disable-gpu'] });
const faults = [];

// Looks at a page on every screen.
async function look(page, name) {
  for (const [screen, width] of [['wide', 1280], ['narrow', 320]]) {
    for (const scheme of ['light', 'dark']) {
      await page.setViewport({ width, height: 640 });
      await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
      faults.push(...(await page.evaluate(wrong)).map((what) => `${name}, ${screen}, ${scheme}: ${what}`));
      if (SHOTS) await page.screenshot({ path: `${SHOTS}/${name}-${screen}-${scheme}.png` });
    }
  }
}

async function open() {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  page.on('console', (said) => faults.push(`console: ${said.text()}`));
  page.on('pageerror', (error) => faults.push(`error: ${error}`));
  return page;
}

// Goes on as people do: types, and presses Enter or a button.
async function send(page, fields, button = 'button') {
  for (const [name, value] of Object.entries(fields)) await page.type(`[name="${name}"]`, value);
  await Promise.all([page.waitForNavigation(), page.click(button)]);
}

const client = await api('POST', '/api/v1/oauth-clients', {
  name: 'The corner shop on your telephone', redirect_uris: [`${app}/back`], post_logout_redirect_uris: [`${app}/bye`],
  scopes: ['order:read', 'order:write'], grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
});
const url = `${ISSUER}/oauth2/authorize?${new URLSearchParams({
  client_id: client.client_id, redirect_uri: `${app}/back`, response_type: 'code', scope: 'openid email order:read order:write',
  state: 'where-i-was', code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', code_challenge_method: 'S256',
})}`;
const session = await api('POST', '/api/v1/users/authenticate', { email: EMAIL, password: PASSWORD });
const me = (await api('GET', '/api/v1/users/search?q=Ada')).data.find((user) => user.email === EMAIL).user_id;

// Signing in with a password, saying yes.
const page = await open();
await page.goto(url);
assert.equal(await page.evaluate(() => document.activeElement.id), 'email', 'the first field has the focus');
await look(page, 'login');
await send(page, { _email: EMAIL, _password: 'something else' });
assert.equal(await page.$eval('#email', (input) => input.value), EMAIL, 'what was typed is kept');
assert.ok(await page.$('[role=alert]'));
await look(page, 'login-wrong');
await send(page, { _password: PASSWORD });
await look(page, 'consent');
assert.doesNotMatch(await page.$eval('main', (main) => main.textContent), /order:read/, 'consent is asked in words for people');
await send(page, {}, '[value=allow]');
const back = new URL(page.url());
assert.deepEqual([back.origin, back.pathname, back.searchParams.get('state'), back.searchParams.get('iss')], [app, '/back', 'where-i-was', ISSUER]);
assert.ok(back.searchParams.get('code'));

// The cookies, as a browser keeps them.
const cookies = await page.browserContext().cookies();
const held = Object.fromEntries(cookies.map((cookie) => [cookie.name, cookie]));
assert.ok(held.mercat_session.httpOnly && held.mercat_session.sameSite === 'Lax', JSON.stringify(cookies));
assert.ok(!held.mercat_csrf.httpOnly && ['Lax', 'Strict'].includes(held.mercat_csrf.sameSite), JSON.stringify(cookies));
assert.ok(!cookies.some((cookie) => page.url().includes(cookie.value)), 'no secret in an address');

// A page of another site that sends a form with the cookies of this one changes nothing.
const elsewhere = await page.browserContext().newPage();
await elsewhere.goto(`${app}/evil`);
await elsewhere.evaluate(async (target) => {
  const body = JSON.stringify({ name: 'Stolen', scopes: ['order:read'] });
  const form = { method: 'POST', credentials: 'include', mode: 'no-cors', body };
  await Promise.allSettled([fetch(target, form), fetch(target, { ...form, headers: { 'content-type': 'text/plain' } })]);
}, `${ISSUER}/api/v1/api-keys`);
const read = await elsewhere.evaluate((target) => fetch(target, { credentials: 'include' }).then(() => 'read', () => 'refused'), `${ISSUER}/api/v1/orders`);
assert.equal(read, 'refused', 'another site reads nothing');
assert.equal((await api('GET', '/api/v1/api-keys', undefined, session.access_token)).data.length, 0);
const framed = await elsewhere.evaluate((target) => new Promise((resolve) => {
  const frame = document.createElement('iframe');
  frame.onload = () => resolve(frame.contentDocument === null);
  frame.src = target;
  document.body.append(frame);
}), `${ISSUER}/oauth2/logout`);
assert.ok(framed);
const inside = elsewhere.frames().map((frame) => frame.content().catch(() => ''));
assert.doesNotMatch((await Promise.all(inside)).join(), /_csrf/, 'no page of ours is shown in a frame');
await elsewhere.close();

// With a second step.
const { secret } = await api('POST', `/api/v1/users/${me}/mfa/enable`, {}, session.access_token);
const step = Math.floor(Date.now() / 30000);
await api('POST', `/api/v1/users/${me}/mfa/verify`, { mfa_code: totp(secret, step) }, session.access_token);
const second = await open();
await second.goto(url);
await send(second, { _email: EMAIL, _password: PASSWORD });
assert.equal(await second.evaluate(() => document.activeElement.id), 'code', 'the code has the focus');
await look(second, 'mfa');
await send(second, { _code: '000000' });
assert.ok(await second.$('[role=alert]'));
await look(second, 'mfa-wrong');
// A code of a step is good once; the next step's is within the tolerance already.
await send(second, { _code: totp(secret, step + 1) });
assert.equal(new URL(second.url()).origin, app, await second.content());

// A device, and an address that is not registered.
const asked = await fetch(`${ISSUER}/oauth2/device_authorization`, {
  method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' },
  body: new URLSearchParams({ client_id: client.client_id, client_secret: client.client_secret, scope: 'openid' }),
});
assert.equal(asked.status, 200);
await second.goto((await asked.json()).verification_uri);
await look(second, 'device');
await second.goto(url.replace('%2Fback', '%2Felsewhere'));
await look(second, 'message');

// Leaving.
await second.goto(`${ISSUER}/oauth2/logout`);
await look(second, 'logout');
await send(second, {});
await look(second, 'logged-out');
await second.goto(url);
assert.ok(await second.$('[name=_password]'), 'who has left has to sign in again');

await browser.close();
application.close();
// The page of another site is told by the browser that it was refused.
const ours = faults.filter((fault) => !/^console: (Access to fetch|Failed to load resource|Refused to (frame|display))/.test(fault));
assert.deepEqual(ours, []);
console.log('ok');
process.exit(0);
