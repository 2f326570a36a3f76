// Who judges a document: each takes {document} and says what its library said, and `accepted`, which is what a caller
// that goes by the library's documentation would make of it.

import {checkStatus} from '@digitalbazaar/vc-bitstring-status-list';
import {createVerifyCryptosuite as jcs} from '@digitalbazaar/eddsa-jcs-2022-cryptosuite';
import {cryptosuite as ecdsa} from '@digitalbazaar/ecdsa-rdfc-2019-cryptosuite';
import {cryptosuite as eddsa} from '@digitalbazaar/eddsa-rdfc-2022-cryptosuite';
import {DataIntegrityProof} from '@digitalbazaar/data-integrity';
import {documentLoader} from './loader.js';
import {load} from './world.js';
import {verifyCredential as coreVerify, verifyPresentation as coreVerifyPresentation}
  from '@digitalcredentials/verifier-core';
import * as vc from '@digitalbazaar/vc';
import addFormats from 'ajv-formats';
import Ajv2019 from 'ajv/dist/2019.js';

const suite = [eddsa, ecdsa, jcs()].map(cryptosuite => new DataIntegrityProof({cryptosuite}));
const REGISTRY = 'https://registry.example/registry.json';

// @digitalbazaar/vc with its suites and its status lists.
export async function digitalbazaar({document}) {
  const found = await vc.verifyCredential({credential: document, suite, documentLoader, checkStatus});
  // The library only says that the list is good and which bit was found: a set one does not make it say `false`.
  const status = (found.statusResult?.results ?? []).map(each => each.status);
  return {
    accepted: found.verified && !status.includes(true),
    verified: found.verified,
    status,
    reason: told(found.error) || told(found.statusResult?.error)
  };
}

// The same library, of a presentation.
export async function digitalbazaarPresentation({document, challenge}) {
  const found = await vc.verify({presentation: document, suite, documentLoader, checkStatus, challenge});
  return {accepted: found.verified, reason: told(found.error)};
}

// @digitalcredentials/verifier-core, with a registry that lists `registered`.
export async function verifierCore({document}) {
  const knownDIDRegistries = [{type: 'dcc-legacy', name: 'Registry', url: REGISTRY}];
  return ofCore(await coreVerify({credential: document, knownDIDRegistries}));
}

// The same library, of a presentation.
export async function verifierCorePresentation({document, challenge}) {
  const knownDIDRegistries = [{type: 'dcc-legacy', name: 'Registry', url: REGISTRY}];
  const found = await coreVerifyPresentation({presentation: document, knownDIDRegistries, challenge});
  return {
    accepted: found.presentationResult?.signature === 'valid',
    reason: (found.errors ?? found.presentationResult?.errors ?? []).map(told).join('; ')
  };
}

function ofCore(found) {
  const steps = Object.fromEntries((found.log ?? []).map(each => [each.id, each.valid ?? each.error.name]));
  const errors = found.errors ?? [];
  return {
    // By its documentation each step is for the caller to judge; whoever relies on a credential wants all of them, and
    // the signature above all: some credentials come back with no word on it.
    accepted: errors.length === 0 && steps.valid_signature === true && Object.values(steps).every(each => each === true),
    steps,
    schemas: found.additionalInformation?.flatMap(each => each.results ?? []) ?? [],
    reason: errors.map(each => each.name).join('; ')
  };
}

// The 1EdTech schema that the document names, or that of badges, judged by ajv.
export async function schema({document}) {
  const ajv = new Ajv2019({allErrors: true, loadSchema: async url => JSON.parse(await load(url))});
  addFormats.default?.(ajv) ?? addFormats(ajv);
  const schemas = [].concat(document.credentialSchema ?? []).map(each => each.id);
  const errors = [];
  for(const url of schemas) {
    const validate = await ajv.compileAsync({$ref: url});
    if(!validate(document)) {
      errors.push(...validate.errors.map(each => `${each.instancePath} ${each.message}`));
    }
  }
  return {accepted: schemas.length > 0 && errors.length === 0, schemas, reason: errors.join('; ')};
}

function told(error) {
  if(error === undefined || error === null) {
    return '';
  }
  return [error.message ?? String(error), ...(error.errors ?? []).map(told), told(error.cause)]
    .filter(each => each).join('; ');
}
