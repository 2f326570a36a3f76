// Answers questions, one a line, until there are no more: {do, now, given, ...} -> {...} or {failed}.
//
//   node driver.js BASE URL     BASE as documents name it, URL where that ledger listens

import {begin, listens, requests} from './world.js';
import {createInterface} from 'node:readline';

const addresses = process.argv.slice(2);
if(addresses.length === 2) {
  listens(...addresses);
}
// Not before the world is as it shall be.
const doers = {...await import('./judges.js'), ...await import('./makers.js'), ...await import('./bench.js')};
// Libraries log what they find; answers have this stream to themselves.
console.log = console.error;

for await (const line of createInterface({input: process.stdin})) {
  const question = JSON.parse(line);
  let answer;
  try {
    begin(question);
    answer = {...await doers[question.do](question), requests: requests()};
  } catch(error) {
    answer = {failed: String(error.stack ?? error)};
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
