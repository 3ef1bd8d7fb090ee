/**
 * Requests signed in the header `Authorization`, and those that are not signed.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 */
import { randomBytes } from 'node:crypto'
import { UNSIGNED_PAYLOAD } from '@lunadefend/core/sigv4'
import type { Case } from '../case.ts'
import { type Lab, said, sha256, sse, textOf } from '../lab.ts'

const MALFORMED = '400 AuthorizationHeaderMalformed'
const MISMATCH = '403 SignatureDoesNotMatch'
const DENIED = '403 AccessDenied'

function minutesFromNow(minutes: number): Date {
  return new Date(Date.now() + minutes * 60_000)
}

type AskedByHeader = NonNullable<Parameters<Lab['byHeader']>[2]>

function get(asked: AskedByHeader): Case[2] {
  return async (lab) => textOf(await lab.byHeader('GET', await lab.stored(), asked))
}

function without(name: string): Case[2] {
  return get({ edit: ({ [name]: _, ...rest }) => rest })
}

function authorization(edit: (value: string) => string): Case[2] {
  return get({ edit: (headers) => ({ ...headers, authorization: edit(headers['authorization'] ?? '') }) })
}

/** A PUT that is refused must leave nothing behind. */
function put(asked: AskedByHeader): Case[2] {
  return async (lab) => {
    const key = lab.key()
    const answer = await lab.byHeader('PUT', key, { body: 'value', ...asked })
    return [said(answer), said(await lab.byHeader('HEAD', key))]
  }
}

export const authorizationCases: readonly Case[] = [
  ['authorization: a signed body', ['200', '200'], put({})],
  ['authorization: an unsigned body', ['200', '200'], put({ payloadHash: UNSIGNED_PAYLOAD })],
  [
    'authorization: another body than was signed',
    ['400 XAmzContentSHA256Mismatch', '404'],
    put({ payloadHash: sha256('another') }),
  ],
  ['authorization: a body hash that is none', ['400 InvalidArgument', '404'], put({ payloadHash: 'hash' })],
  ['authorization: the answer to a signed GET', 'value', get({})],
  ['authorization: fourteen minutes old', 'value', get({ now: minutesFromNow(-14) })],
  ['authorization: fourteen minutes ahead', 'value', get({ now: minutesFromNow(14) })],
  ['authorization: sixteen minutes old', '403 RequestTimeTooSkewed', get({ now: minutesFromNow(-16) })],
  ['authorization: sixteen minutes ahead', '403 RequestTimeTooSkewed', get({ now: minutesFromNow(16) })],
  ['authorization: for another region', MALFORMED, get({ sign: { region: 'eu-north-1' } })],
  ['authorization: for another service', MALFORMED, get({ sign: { service: 'ec2' } })],
  ['authorization: without x-amz-content-sha256', '400 InvalidRequest', without('x-amz-content-sha256')],
  ['authorization: without a date', DENIED, without('x-amz-date')],
  ['authorization: nothing but the algorithm', MALFORMED, authorization(() => 'AWS4-HMAC-SHA256')],
  [
    'authorization: without signed headers',
    MALFORMED,
    authorization((value) => value.replace(/SignedHeaders=[^,]*, /, '')),
  ],
  [
    'authorization: a scope of another day',
    MALFORMED,
    authorization((value) => value.replace(/\/\d{8}\//, '/20200101/')),
  ],
  [
    'authorization: another signature',
    MISMATCH,
    authorization((value) => value.replace(/Signature=.*$/, `Signature=${'0'.repeat(64)}`)),
  ],
  [
    'authorization: a header that was signed has another value',
    MISMATCH,
    get({ headers: { range: 'bytes=0-0' }, edit: (headers) => ({ ...headers, range: 'bytes=0-1' }) }),
  ],
  [
    'authorization: an x-amz- header that was not signed',
    [DENIED, '404'],
    put({ unsigned: { 'x-amz-meta-added': 'by another' } }),
  ],
  [
    'authorization: a customer key that was not signed',
    [DENIED, '404'],
    async (lab) => {
      const key = lab.key()
      const headers = sse(randomBytes(32))
      const answer = await lab.byHeader('PUT', key, { unsigned: headers, body: 'value' })
      return [said(answer), said(await lab.byHeader('HEAD', key, { headers }))]
    },
  ],
  [
    'authorization: none, for an object that is there',
    DENIED,
    async (lab) => said(await lab.plain('GET', await lab.stored())),
  ],
  [
    'authorization: none, for an object that is not there: nothing is told',
    DENIED,
    async (lab) => said(await lab.plain('GET', lab.key())),
  ],
  ['authorization: none, for the list', DENIED, async (lab) => said(await lab.plain('GET', null))],
  ['authorization: none, for a PUT', DENIED, async (lab) => said(await lab.plain('PUT', lab.key()))],
]
