// A browser that fills in forms: cookies, redirects, hidden fields. It runs no script, for there is none.
export class Browser {
  constructor() {
    this.cookies = new Map();
  }

  async go(url, init = {}) {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const headers = { ...init.headers, ...(cookie ? { cookie } : {}) };
    const answer = await fetch(url, { ...init, headers, redirect: 'manual' });
    for (const line of answer.headers.getSetCookie()) {
      const [pair] = line.split(';');
      const at = pair.indexOf('=');
      this.cookies.set(pair.slice(0, at), pair.slice(at + 1));
    }
    const page = await answer.text();
    return { url: String(url), status: answer.status, location: answer.headers.get('location'), page, headers: answer.headers };
  }

  // Fills in the form of a page and sends it where the page is.
  async fill(at, fields) {
    const form = new URLSearchParams();
    for (const [tag] of at.page.matchAll(/<input type="hidden"[^>]*>/g)) {
      form.set(text(tag.match(/name="([^"]*)"/)[1]), text(tag.match(/value="([^"]*)"/)[1]));
    }
    for (const [name, value] of Object.entries(fields)) form.set(name, value);
    const url = new URL(at.url);
    return this.go(`${url.origin}${url.pathname}`, {
      method: 'POST',
      body: form,
      headers: { origin: url.origin },
    });
  }

  // Comes with a request and goes where it is sent, filling in what pages ask for, until it is sent to this address.
  async walk(url, fields, until) {
    let at = await this.go(url);
    for (let steps = 0; steps < 20; steps += 1) {
      if (at.location?.startsWith(until)) return new URL(at.location);
      if (at.location) {
        at = await this.go(new URL(at.location, at.url));
        continue;
      }
      if (at.status !== 200) break;
      const asked = Object.entries(fields).filter(([name]) => at.page.includes(`name="${name}"`));
      const action = at.page.match(/<form[^>]*action="([^"]*)"/);
      at = await this.fill({ ...at, url: action ? new URL(text(action[1]), at.url) : at.url }, Object.fromEntries(asked));
    }
    throw new Error(`${at.url}: ${at.status}: ${at.page}`);
  }

  // Comes with a request, signs in if asked, says yes if asked, and gives the address it is sent back to.
  async visit(url, email, password) {
    let at = await this.go(url);
    if (at.page.includes('name="_password"')) at = await this.fill(at, { _email: email, _password: password });
    if (at.page.includes('name="_decision"')) at = await this.fill(at, { _decision: 'allow' });
    if (at.status !== 303) throw new Error(`${at.status}: ${at.page}`);
    return new URL(at.location);
  }
}

function text(html) {
  const names = { amp: '&', lt: '<', gt: '>', quot: '"', '#x27': "'", '#x2f': '/', '#39': "'" };
  return html.replace(/&([#a-z0-9]+);/g, (whole, name) => names[name] ?? whole);
}
