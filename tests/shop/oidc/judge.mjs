// Two client libraries that know nothing of us, openid-client and oauth4webapi, against the shop that runs.
import assert from 'node:assert/strict';
import * as oauth from 'oauth4webapi';
import * as oidc from 'openid-client';
import { Browser } from './browser.mjs';

const { ISSUER, ADMIN, EMAIL, PASSWORD } = process.env;
const issuer = new URL(ISSUER);
const callback = 'http://127.0.0.1:9/callback';
const bye = 'http://127.0.0.1:9/bye';
const insecure = { execute: [oidc.allowInsecureRequests] };

async function api(method, path, body, token = ADMIN) {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const answer = await fetch(`${ISSUER}${path}`, { method, headers, body: body && JSON.stringify(body) });
  return { status: answer.status, body: await answer.json().catch(() => ({})) };
}

async function register(more) {
  const client = { name: 'Judge', redirect_uris: [callback], post_logout_redirect_uris: [bye], scopes: ['order:read'], ...more };
  const { status, body } = await api('POST', '/api/v1/oauth-clients', client);
  assert.equal(status, 201, JSON.stringify(body));
  return body;
}

async function configured(client) {
  return oidc.discovery(issuer, client.client_id, client.client_secret, undefined, insecure);
}

// Signs somebody in, with a proof at every step that takes one.
async function bound(config, DPoP) {
  const verifier = oidc.randomPKCECodeVerifier();
  const url = await oidc.buildAuthorizationUrlWithPAR(config, {
    redirect_uri: callback, scope: 'openid order:read', code_challenge: await oidc.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
  }, { DPoP });
  const back = await new Browser().visit(url, EMAIL, PASSWORD);
  return oidc.authorizationCodeGrant(config, back, { pkceCodeVerifier: verifier, idTokenExpected: true }, undefined, { DPoP });
}

const cases = {
  async discovery_and_client_credentials() {
    const machine = await register({ redirect_uris: [], grant_types: ['client_credentials'], scopes: ['product:read', 'inventory:read'] });
    const config = await configured(machine);
    assert.equal(config.serverMetadata().issuer, ISSUER);
    const tokens = await oidc.clientCredentialsGrant(config, { scope: 'inventory:read' });
    assert.equal(tokens.scope, 'inventory:read');
    assert.equal((await oidc.tokenIntrospection(config, tokens.access_token)).active, true);
    const read = await api('GET', '/api/v1/warehouses', undefined, tokens.access_token);
    assert.notEqual(read.status, 401, JSON.stringify(read.body));
    assert.equal((await api('GET', '/api/v1/notifications', undefined, tokens.access_token)).status, 403);
    // Its own library checks the JWT as a resource server does (RFC 9068).
    const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { [oauth.allowInsecureRequests]: true }));
    const request = new Request(ISSUER, { headers: { authorization: `Bearer ${tokens.access_token}` } });
    const claims = await oauth.validateJwtAccessToken(as, request, ISSUER, { [oauth.allowInsecureRequests]: true });
    assert.equal(claims.client_id, machine.client_id);
  },

  async somebody_signs_in_and_out() {
    const client = await register({});
    const config = await configured(client);
    const verifier = oidc.randomPKCECodeVerifier();
    const [state, nonce] = [oidc.randomState(), oidc.randomNonce()];
    const url = oidc.buildAuthorizationUrl(config, {
      redirect_uri: callback, scope: 'openid profile email order:read', state, nonce, max_age: '600',
      code_challenge: await oidc.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
    });
    const browser = new Browser();
    const back = await browser.visit(url, EMAIL, PASSWORD);
    const tokens = await oidc.authorizationCodeGrant(config, back, {
      pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, maxAge: 600, idTokenExpected: true,
    });
    const sub = tokens.claims().sub;
    const info = await oidc.fetchUserInfo(config, tokens.access_token, sub);
    assert.equal(info.email, EMAIL);
    assert.notEqual((await api('GET', '/api/v1/sessions', undefined, tokens.id_token)).status, 200, 'an id token is no access token');
    const renewed = await oidc.refreshTokenGrant(config, tokens.refresh_token);
    assert.notEqual(renewed.refresh_token, tokens.refresh_token);
    assert.equal((await oidc.tokenIntrospection(config, renewed.access_token)).active, true);
    const end = oidc.buildEndSessionUrl(config, { id_token_hint: tokens.id_token, post_logout_redirect_uri: bye, state: 'x' });
    const out = await browser.go(end);
    assert.equal(out.location, `${bye}?state=x`);
    await assert.rejects(oidc.refreshTokenGrant(config, renewed.refresh_token));
    await assert.rejects(oidc.fetchUserInfo(config, renewed.access_token, sub));
    // At the gateway it is worth nothing within five seconds.
    const began = Date.now();
    while ((await api('GET', '/api/v1/orders', undefined, renewed.access_token)).status !== 401) {
      assert.ok(Date.now() - began < 5000, 'a session that was ended still works');
    }
  },

  async a_request_is_pushed_and_signed_with_ed25519() {
    const client = await register({ id_token_algorithm: 'eddsa' });
    const config = await oidc.discovery(issuer, client.client_id, { client_secret: client.client_secret, id_token_signed_response_alg: 'EdDSA' }, undefined, insecure);
    const verifier = oidc.randomPKCECodeVerifier();
    const url = await oidc.buildAuthorizationUrlWithPAR(config, {
      redirect_uri: callback, scope: 'openid', code_challenge: await oidc.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
    });
    const back = await new Browser().visit(url, EMAIL, PASSWORD);
    const tokens = await oidc.authorizationCodeGrant(config, back, { pkceCodeVerifier: verifier, idTokenExpected: true });
    assert.ok(tokens.claims().sub.startsWith('usr_'));
  },

  async a_device_is_let_in() {
    const client = await register({ grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'] });
    const config = await configured(client);
    const asked = await oidc.initiateDeviceAuthorization(config, { scope: 'openid' });
    const browser = new Browser();
    let at = await browser.go(asked.verification_uri_complete);
    at = await browser.fill(at, { _email: EMAIL, _password: PASSWORD });
    at = await browser.fill(at, { user_code: asked.user_code });
    at = await browser.fill(at, { _decision: 'allow' });
    assert.match(at.page, /The device is in/);
    const tokens = await oidc.pollDeviceAuthorizationGrant(config, asked);
    assert.ok(tokens.access_token && tokens.refresh_token);
  },

  async a_token_is_bound_to_a_key() {
    const client = await register({ authentication: 'none' });
    const config = await oidc.discovery(issuer, client.client_id, undefined, oidc.None(), insecure);
    assert.ok(config.serverMetadata().dpop_signing_alg_values_supported.includes('ES256'));
    const DPoP = oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair());
    const other = oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair('Ed25519'));
    const tokens = await bound(config, DPoP);
    assert.equal(tokens.token_type, 'dpop');
    const orders = new URL(`${ISSUER}/api/v1/users/${tokens.claims().sub}/orders`);
    const fetch_as = (token, handle) => oidc.fetchProtectedResource(config, token, orders, 'GET', undefined, undefined, { DPoP: handle });
    assert.equal((await fetch_as(tokens.access_token, DPoP)).status, 200);
    const info = await oidc.fetchUserInfo(config, tokens.access_token, tokens.claims().sub, { DPoP });
    assert.equal(info.sub, tokens.claims().sub);
    // Whoever stole the token has not the key.
    await assert.rejects(fetch_as(tokens.access_token, other));
    assert.equal((await api('GET', orders.pathname, undefined, tokens.access_token)).status, 401);
    await assert.rejects(oidc.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP: other }));
    await assert.rejects(oidc.refreshTokenGrant(config, tokens.refresh_token));
    const renewed = await oidc.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP });
    assert.equal((await fetch_as(renewed.access_token, DPoP)).status, 200);
    // The same with a key of another kind.
    const elliptic = await bound(config, other);
    assert.equal((await fetch_as(elliptic.access_token, other)).status, 200);
  },

  async a_page_is_safe_and_a_form_from_elsewhere_is_refused() {
    const client = await register({});
    const config = await configured(client);
    const url = oidc.buildAuthorizationUrl(config, {
      redirect_uri: callback, scope: 'openid', code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', code_challenge_method: 'S256',
    });
    const browser = new Browser();
    const at = await browser.go(url);
    const policy = at.headers.get('content-security-policy');
    assert.match(policy, /default-src 'none'/);
    assert.match(policy, /frame-ancestors 'none'/);
    assert.doesNotMatch(policy, /unsafe/);
    assert.doesNotMatch(at.page, /<script/);
    assert.match(at.headers.get('cache-control'), /no-store/);
    const stranger = new Browser();
    const refused = await stranger.fill(at, { _email: EMAIL, _password: PASSWORD });
    assert.equal(refused.status, 403, 'a form without the cookie of its page');
    const twice = await browser.go(`${url}&scope=openid`);
    assert.equal(twice.status, 400);
    const elsewhere = new URL(url);
    elsewhere.searchParams.set('redirect_uri', 'https://evil.example/callback');
    const evil = await browser.go(elsewhere);
    assert.deepEqual([evil.status, evil.location], [400, null]);
  },

  async a_key_works_for_what_it_may_and_until_it_is_taken_back() {
    const browser = new Browser();
    const client = await register({});
    const config = await configured(client);
    const verifier = oidc.randomPKCECodeVerifier();
    const url = oidc.buildAuthorizationUrl(config, {
      redirect_uri: callback, scope: 'openid', code_challenge: await oidc.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
    });
    await browser.visit(url, EMAIL, PASSWORD);
    // With the cookie alone nothing changes.
    const body = JSON.stringify({ name: 'Printer', scopes: ['order:read', 'auth:read'] });
    const json = { 'content-type': 'application/json' };
    const alone = await browser.go(`${ISSUER}/api/v1/api-keys`, { method: 'POST', body, headers: json });
    assert.equal(alone.status, 403);
    const csrf = { ...json, 'x-csrf-token': browser.cookies.get('mercat_csrf') };
    const made = await browser.go(`${ISSUER}/api/v1/api-keys`, { method: 'POST', body, headers: csrf });
    assert.equal(made.status, 201, made.page);
    const key = JSON.parse(made.page);
    assert.equal((await api('GET', '/api/v1/api-keys', undefined, key.secret)).status, 200);
    assert.equal((await api('POST', '/api/v1/api-keys', { name: 'x', scopes: ['order:read'] }, key.secret)).status, 403);
    assert.equal((await api('GET', '/api/v1/api-keys', undefined, `${key.secret}x`)).status, 401);
    const gone = await browser.go(`${ISSUER}/api/v1/api-keys/${key.api_key_id}`, { method: 'DELETE', headers: csrf });
    assert.equal(gone.status, 200, gone.page);
    const began = Date.now();
    while ((await api('GET', '/api/v1/api-keys', undefined, key.secret)).status !== 401) {
      assert.ok(Date.now() - began < 5000, 'a key that was taken back still works');
    }
  },
};

const names = process.argv.slice(2);
for (const name of names.length ? names : Object.keys(cases)) {
  await cases[name]();
  console.log(`ok ${name}`);
}
