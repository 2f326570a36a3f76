// What the libraries make: documents and presentations with proofs of keys that are did:key.

import * as EcdsaMultikey from '@digitalbazaar/ecdsa-multikey';
import * as Ed25519Multikey from '@digitalbazaar/ed25519-multikey';
import {createSignCryptosuite as jcs} from '@digitalbazaar/eddsa-jcs-2022-cryptosuite';
import {cryptosuite as ecdsa} from '@digitalbazaar/ecdsa-rdfc-2019-cryptosuite';
import {cryptosuite as eddsa} from '@digitalbazaar/eddsa-rdfc-2022-cryptosuite';
import {DataIntegrityProof} from '@digitalbazaar/data-integrity';
import {documentLoader} from './loader.js';
import jsigs from 'jsonld-signatures';
import * as vc from '@digitalbazaar/vc';

const SUITES = {'eddsa-rdfc-2022': eddsa, 'eddsa-jcs-2022': jcs(), 'ecdsa-rdfc-2019': ecdsa};

// A new key of the kind that a suite wants, and its DID.
export async function key({suite}) {
  const pair = suite.startsWith('ecdsa') ?
    await EcdsaMultikey.generate({curve: 'P-256'}) : await Ed25519Multikey.generate();
  const {publicKeyMultibase} = await pair.export({publicKey: true});
  pair.controller = `did:key:${publicKeyMultibase}`;
  pair.id = `${pair.controller}#${publicKeyMultibase}`;
  return pair;
}

// `document` with a proof by `pair`; with an issuer, or holder, unless it has one.
export async function sign({document, suite, pair, challenge, domain}) {
  const signing = new DataIntegrityProof({signer: pair.signer(), cryptosuite: SUITES[suite]});
  if([].concat(document.type).includes('VerifiablePresentation')) {
    return vc.signPresentation({presentation: document, suite: signing, documentLoader, challenge, domain});
  }
  if([].concat(document.type).includes('VerifiableCredential')) {
    return vc.issue({credential: document, suite: signing, documentLoader});
  }
  return jsigs.sign(document, {suite: signing, documentLoader, purpose: new jsigs.purposes.AssertionProofPurpose()});
}

// {document, suite[, challenge, domain]} -> the document with `issuer` (or `holder`) and proof.
export async function make({document, suite, challenge, domain}) {
  const pair = await key({suite});
  const holder = [].concat(document.type).includes('VerifiablePresentation') ? 'holder' : 'issuer';
  const made = {...document};
  if(typeof made[holder] === 'object') {
    made[holder] = {...made[holder], id: pair.controller};
  } else {
    made[holder] = pair.controller;
  }
  return {document: await sign({document: made, suite, pair, challenge, domain})};
}
