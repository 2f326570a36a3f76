// How many documents @digitalbazaar/vc makes and verifies in a second, as measured in here after warming up.

import {documentLoader} from './loader.js';
import {key, sign} from './makers.js';
import {cryptosuite} from '@digitalbazaar/eddsa-rdfc-2022-cryptosuite';
import {DataIntegrityProof} from '@digitalbazaar/data-integrity';
import * as vc from '@digitalbazaar/vc';

const SUITE = 'eddsa-rdfc-2022';

// Processor and wall seconds of signing each of `documents` with one key.
export async function timeIssuing({documents}) {
  const pair = await key({suite: SUITE});
  const mine = documents.map(each => ({...each, issuer: {...each.issuer, id: pair.controller}}));
  return timed(mine, document => sign({document: structuredClone(document), suite: SUITE, pair}));
}

// Processor and wall seconds of verifying each of `documents`, without their status.
export async function timeVerifying({documents}) {
  const suite = new DataIntegrityProof({cryptosuite});
  return timed(documents, async credential => {
    const checkStatus = async () => ({verified: true});
    const {verified} = await vc.verifyCredential({credential, suite, documentLoader, checkStatus});
    if(!verified) {
      throw new Error('a document that shall be verified is refused');
    }
  });
}

async function timed(documents, work) {
  for(const each of documents.slice(0, 20)) {
    await work(each);
  }
  const before = process.cpuUsage();
  const start = process.hrtime.bigint();
  for(const each of documents) {
    await work(each);
  }
  const {user, system} = process.cpuUsage(before);
  return {cpu: (user + system) / 1e6, wall: Number(process.hrtime.bigint() - start) / 1e9};
}
