// The world as the libraries see it: a clock, and an internet of documents that are all on this machine.
//
// Imported first, before any library, so that none gets hold of the real ones. Whatever is asked for and is neither a
// bundled file nor a document of the question nor of the ledger that listens on loopback does not exist; no other
// connection can be made at all.

import {readFileSync} from 'node:fs';
import net from 'node:net';

const RealDate = Date;
const realFetch = globalThis.fetch;
const realConnect = net.Socket.prototype.connect;
const SCHEMAS = new URL('../../../ledger/vc/data/schemas/', import.meta.url);
// What `@digitalbazaar/http-client` asks for; it gives no body to its caller whose type does not have “json” in it.
const READ = 'application/ld+json, application/json';
const ONE_EDTECH = 'https://purl.imsglobal.org/spec/';
const BUNDLED = {
  [`${ONE_EDTECH}ob/v3p0/schema/json/ob_v3p0_achievementcredential_schema.json`]:
    'ob_v3p0_achievementcredential_schema.json',
  [`${ONE_EDTECH}clr/v2p0/schema/json/clr_v2p0_clrcredential_schema.json`]: 'clr_v2p0_clrcredential_schema.json'
};

let ahead = 0; // milliseconds of our clock before the machine's
let documents = new Map(); // address -> text, of the question
const contexts = new Map();
const origins = new Map(); // as written in documents -> where the ledger listens
let asked = new Set();

globalThis.Date = class extends RealDate {
  constructor(...given) {
    super(...(given.length === 0 ? [RealDate.now() + ahead] : given));
  }
  static now() {
    return RealDate.now() + ahead;
  }
};

globalThis.fetch = async (given, options) => {
  const url = typeof given === 'object' && 'url' in given ? given.url : String(given);
  const found = await load(url);
  if(found === undefined) {
    return new Response(JSON.stringify({title: 'There is no such document.'}), {
      status: 404, headers: {'content-type': 'application/problem+json'}
    });
  }
  return new Response(found, {status: 200, headers: {'content-type': 'application/json'}});
};

net.Socket.prototype.connect = function(...given) {
  const {host, port, path} = net._normalizeArgs(given[0] instanceof Array ? given[0] : given)[0];
  if(path !== undefined || host !== '127.0.0.1') {
    throw new Error(`a connection to ${host ?? path}:${port} was tried`);
  }
  return realConnect.apply(this, given);
};

// The text at an address; undefined where there is none.
export async function load(url) {
  asked.add(url);
  const address = url.split('#')[0];
  if(documents.has(address)) {
    return documents.get(address);
  }
  if(contexts.has(address)) {
    return JSON.stringify(contexts.get(address));
  }
  if(address in BUNDLED) {
    return readFileSync(new URL(BUNDLED[address], SCHEMAS), 'utf8');
  }
  const {origin, pathname, search} = new URL(address);
  if(!origins.has(origin)) {
    return undefined;
  }
  const answer = await realFetch(origins.get(origin) + pathname + search, {headers: {accept: READ}});
  return answer.status === 200 && answer.headers.get('content-type').includes('json') ? answer.text() : undefined;
}

// A context that a package brings, as it is; undefined where none does.
export function context(url) {
  const found = contexts.get(url);
  if(found !== undefined) {
    asked.add(url);
  }
  return found;
}

// Contexts that a package brings.
export function bring(more) {
  for(const [url, context] of more) {
    contexts.set(url, context);
  }
}

// Where the ledger listens whose documents name `base`; a did:web is asked for over https, whatever the base says.
export function listens(base, at) {
  const {host} = new URL(base);
  origins.set(`http://${host}`, at).set(`https://${host}`, at);
}

// How the world is for one question.
export function begin({now, given = {}}) {
  ahead = now === undefined ? 0 : RealDate.parse(now) - RealDate.now();
  documents = new Map(Object.entries(given).map(([url, each]) => [url, JSON.stringify(each)]));
  asked = new Set();
}

// What was asked for since then.
export function requests() {
  return [...asked];
}
