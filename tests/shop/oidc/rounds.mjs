// One round of what any provider must do, played by three client libraries that know nothing of us: openid-client,
// oauth4webapi and passport-openidconnect.
//
//   node rounds.mjs reference   against npm's oidc-provider, which is certified: a judge that fails it is wrong
//   node rounds.mjs shop        against the shop that runs
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import * as oauth from 'oauth4webapi';
import * as oidc from 'openid-client';
import Provider from 'oidc-provider';
import Passport from 'passport-openidconnect';
import { Browser } from './browser.mjs';

const callback = 'http://127.0.0.1:9/callback';
const bye = 'http://127.0.0.1:9/bye';
const insecure = { [oauth.allowInsecureRequests]: true };

// The shop, where an application is registered by its administrator.
async function shop() {
  const { ISSUER, ADMIN, EMAIL, PASSWORD } = process.env;
  const register = async (client) => {
    const headers = { authorization: `Bearer ${ADMIN}`, 'content-type': 'application/json' };
    const answer = await fetch(`${ISSUER}/api/v1/oauth-clients`, { method: 'POST', headers, body: JSON.stringify(client) });
    assert.equal(answer.status, 201, await answer.clone().text());
    return answer.json();
  };
  return {
    issuer: ISSUER,
    email: EMAIL,
    app: await register({ name: 'Judge', redirect_uris: [callback], post_logout_redirect_uris: [bye], scopes: ['order:read'] }),
    machine: await register({ name: 'Machine', redirect_uris: [], grant_types: ['client_credentials'], scopes: ['product:read'] }),
    fields: { _email: EMAIL, _password: PASSWORD, _decision: 'allow' },
    close() {},
  };
}

// oidc-provider with its pages for development, and somebody who has an address.
async function reference() {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const secret = () => ({ client_id: randomBytes(8).toString('hex'), client_secret: randomBytes(16).toString('hex') });
  const app = {
    ...secret(), redirect_uris: [callback], post_logout_redirect_uris: [bye],
    grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'],
  };
  const machine = { ...secret(), redirect_uris: [], grant_types: ['client_credentials'], response_types: [] };
  const email = 'ada@example.com';
  const provider = new Provider(issuer, {
    clients: [app, machine],
    features: { clientCredentials: { enabled: true }, introspection: { enabled: true } },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, email }) }),
    claims: { openid: ['sub'], email: ['email'] },
    issueRefreshToken: () => true,
    rotateRefreshToken: true,
    pkce: { required: () => true },
  });
  server.on('request', provider.callback());
  return {
    issuer, email, app, machine, fields: { login: 'ada', password: 'x', logout: 'yes' },
    close() { server.closeAllConnections(); server.close(); },
  };
}

const rounds = {
  async openid_client(at) {
    const config = await oidc.discovery(new URL(at.issuer), at.app.client_id, at.app.client_secret, undefined, { execute: [oidc.allowInsecureRequests] });
    const verifier = oidc.randomPKCECodeVerifier();
    const [state, nonce] = [oidc.randomState(), oidc.randomNonce()];
    const url = oidc.buildAuthorizationUrl(config, {
      redirect_uri: callback, scope: 'openid email', state, nonce, max_age: '600',
      code_challenge: await oidc.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
    });
    const browser = new Browser();
    const back = await browser.walk(url, at.fields, callback);
    const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, maxAge: 600, idTokenExpected: true };
    const tokens = await oidc.authorizationCodeGrant(config, back, checks);
    await assert.rejects(oidc.authorizationCodeGrant(config, back, checks), /invalid_grant|OAUTH|server responded/);
    const second = await oidc.authorizationCodeGrant(config, await browser.walk(url, at.fields, callback), checks);
    const info = await oidc.fetchUserInfo(config, second.access_token, second.claims().sub);
    assert.equal(info.email, at.email);
    const renewed = await oidc.refreshTokenGrant(config, second.refresh_token);
    assert.notEqual(renewed.refresh_token, second.refresh_token);
    assert.ok(renewed.access_token);
    const end = oidc.buildEndSessionUrl(config, { id_token_hint: tokens.id_token, post_logout_redirect_uri: bye, state: 'x' });
    assert.equal(String(await browser.walk(end, at.fields, bye)), `${bye}?state=x`);
  },

  async oauth4webapi(at) {
    const issuer = new URL(at.issuer);
    const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure));
    const client = { client_id: at.app.client_id };
    const auth = oauth.ClientSecretBasic(at.app.client_secret);
    const verifier = oauth.generateRandomCodeVerifier();
    const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()];
    const url = new URL(as.authorization_endpoint);
    url.search = new URLSearchParams({
      client_id: client.client_id, redirect_uri: callback, response_type: 'code', scope: 'openid email', state, nonce,
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
    });
    const back = oauth.validateAuthResponse(as, client, await new Browser().walk(url, at.fields, callback), state);
    const answer = await oauth.authorizationCodeGrantRequest(as, client, auth, back, callback, verifier, insecure);
    const tokens = await oauth.processAuthorizationCodeResponse(as, client, answer, { expectedNonce: nonce, requireIdToken: true });
    await oauth.validateApplicationLevelSignature(as, answer, insecure);
    const { sub } = oauth.getValidatedIdTokenClaims(tokens);
    const info = await oauth.processUserInfoResponse(as, client, sub, await oauth.userInfoRequest(as, client, tokens.access_token, insecure));
    assert.equal(info.email, at.email);
    const again = await oauth.refreshTokenGrantRequest(as, client, auth, tokens.refresh_token, insecure);
    assert.ok((await oauth.processRefreshTokenResponse(as, client, again)).access_token);
    const machine = { client_id: at.machine.client_id };
    const own = await oauth.clientCredentialsGrantRequest(as, machine, oauth.ClientSecretBasic(at.machine.client_secret), {}, insecure);
    assert.ok((await oauth.processClientCredentialsResponse(as, machine, own)).access_token);
  },

  async passport_openidconnect(at) {
    const metadata = await (await fetch(`${at.issuer}/.well-known/openid-configuration`)).json();
    const verifier = randomBytes(32).toString('base64url');
    // The library is older than OAuth 2.1 and knows no PKCE; what it lacks is added where it lets others add.
    class Strategy extends Passport.Strategy {
      authorizationParams() {
        return { code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256' };
      }
    }
    const strategy = () => {
      const strategy = new Strategy({
        issuer: metadata.issuer, authorizationURL: metadata.authorization_endpoint, tokenURL: metadata.token_endpoint,
        userInfoURL: metadata.userinfo_endpoint, clientID: at.app.client_id, clientSecret: at.app.client_secret,
        callbackURL: callback, scope: ['email'], nonce: true, skipUserProfile: false,
      }, (issuer, profile, done) => done(null, { issuer, ...profile }));
      const client = strategy._oauth2;
      const grant = client.getOAuthAccessToken.bind(client);
      client.getOAuthAccessToken = (code, params, done) => grant(code, { ...params, code_verifier: verifier }, done);
      return strategy;
    };
    // What express and express-session would give it.
    const session = {};
    const played = (query) => new Promise((resolve, reject) => {
      const player = strategy();
      player.redirect = (url) => resolve({ url });
      player.success = (user) => resolve({ user });
      player.fail = (why) => reject(new Error(JSON.stringify(why)));
      player.error = reject;
      player.authenticate({ query, session, headers: {}, connection: {} }, {});
    });
    const { url } = await played({});
    const back = await new Browser().walk(url, at.fields, callback);
    const { user } = await played(Object.fromEntries(back.searchParams));
    assert.equal(user.issuer, metadata.issuer);
    assert.equal(user.emails[0].value, at.email);
    await assert.rejects(played({ ...Object.fromEntries(back.searchParams), state: 'forged' }));
  },
};

const [where] = process.argv.slice(2);
const at = await { reference, shop }[where]();
for (const [name, round] of Object.entries(rounds)) {
  await round(at);
  console.log(`ok ${where} ${name}`);
}
at.close();
