/**
 * Access from pages of one origin, with what the secure frame sends.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html
 */
import { randomBytes } from 'node:crypto'
import type { Case } from '../case.ts'
import { type Answer, headersOf, type Lab, said, sse } from '../lab.ts'
import { ORIGIN, type Seen } from '../target.ts'

const ELSEWHERE = 'https://elsewhere.example'
const ASKED = ['content-type', 'if-none-match', ...Object.keys(sse(randomBytes(32)))]

/** A preflight: its status and the origin that is allowed. */
function preflight(origin: string, method: string, names: readonly string[] = ASKED) {
  return (lab: Lab): Promise<Answer> =>
    lab.plain('OPTIONS', lab.key(), {
      origin,
      'access-control-request-method': method,
      ...(names.length === 0 ? {} : { 'access-control-request-headers': names.join(',') }),
    })
}

function allowed(answer: Answer): Seen {
  return [String(answer.status), headersOf(answer, 'access-control-allow-origin')[0] ?? null]
}

/** What is refused by its method or its headers: nothing is allowed, whatever is said of the origin. */
function refused(answer: Answer): Seen {
  return [String(answer.status), headersOf(answer, 'access-control-allow-methods')[0] ?? null]
}

function list(answer: Answer, name: string): string[] {
  return (answer.headers[name]?.toString() ?? '').split(',').map((item) => item.trim().toLowerCase())
}

/** What a request from a page is told, besides its answer. */
function fromPage(ask: (lab: Lab, origin: string) => Promise<Answer>): Case[2] {
  return async (lab) => {
    const answer = await ask(lab, ORIGIN)
    return [said(answer), headersOf(answer, 'access-control-allow-origin')[0] ?? null]
  }
}

export const corsCases: readonly Case[] = [
  ...['GET', 'PUT', 'HEAD'].map(
    (method): Case => [
      `CORS: preflight of a ${method}, with all that it sends`,
      ['200', ORIGIN, true, true],
      async (lab) => {
        const answer = await preflight(ORIGIN, method)(lab)
        const names = list(answer, 'access-control-allow-headers')
        const isAllowed = ASKED.every((name) => names.includes(name))
        return [
          ...(allowed(answer) as Seen[]),
          list(answer, 'access-control-allow-methods').includes(method.toLowerCase()),
          isAllowed,
        ]
      },
    ],
  ),
  [
    'CORS: preflight that sends nothing special',
    ['200', ORIGIN],
    async (lab) => allowed(await preflight(ORIGIN, 'GET', [])(lab)),
  ],
  [
    'CORS: preflight from another origin',
    ['403', null],
    async (lab) => allowed(await preflight(ELSEWHERE, 'GET')(lab)),
  ],
  [
    'CORS: preflight from no origin that counts',
    ['403', null],
    async (lab) => allowed(await preflight('null', 'GET')(lab)),
  ],
  [
    'CORS: preflight from an origin that begins like ours',
    ['403', null],
    async (lab) => allowed(await preflight(`${ORIGIN}.elsewhere.example`, 'GET')(lab)),
  ],
  [
    'CORS: preflight of a DELETE',
    ['403', null],
    async (lab) => refused(await preflight(ORIGIN, 'DELETE')(lab)),
  ],
  [
    'CORS: preflight with a header that is not allowed',
    ['403', null],
    async (lab) => refused(await preflight(ORIGIN, 'GET', ['x-other'])(lab)),
  ],
  [
    'CORS: preflight without an origin',
    '400',
    async (lab) =>
      String((await lab.plain('OPTIONS', lab.key(), { 'access-control-request-method': 'GET' })).status),
  ],
  [
    'CORS: the answer to a preflight can be kept',
    true,
    async (lab) => Number((await preflight(ORIGIN, 'GET')(lab)).headers['access-control-max-age']) > 0,
  ],
  [
    'CORS: GET',
    ['200', ORIGIN],
    fromPage(async (lab, origin) => lab.byUrl('GET', await lab.stored(), { unsigned: { origin } })),
  ],
  [
    'CORS: PUT',
    ['200', ORIGIN],
    fromPage((lab, origin) => lab.byUrl('PUT', lab.key(), { unsigned: { origin }, body: 'value' })),
  ],
  [
    'CORS: a page may read the ETag',
    true,
    async (lab) => {
      const answer = await lab.byUrl('GET', await lab.stored(), { unsigned: { origin: ORIGIN } })
      return list(answer, 'access-control-expose-headers').includes('etag')
    },
  ],
  [
    'CORS: the answer depends on the origin, and says so',
    true,
    async (lab) => {
      const answer = await lab.byUrl('GET', await lab.stored(), { unsigned: { origin: ORIGIN } })
      return list(answer, 'vary').includes('origin')
    },
  ],
  [
    'CORS: 403',
    ['403 SignatureDoesNotMatch', ORIGIN],
    fromPage((lab, origin) => lab.byUrl('GET', lab.key(), { unsigned: { origin }, sign: { method: 'PUT' } })),
  ],
  [
    'CORS: 403 of a URL that has expired',
    ['403 AccessDenied', ORIGIN],
    fromPage((lab, origin) =>
      lab.byUrl('GET', lab.key(), { unsigned: { origin }, now: new Date(Date.now() - 3_600_000) }),
    ),
  ],
  [
    'CORS: 404',
    ['404 NoSuchKey', ORIGIN],
    fromPage((lab, origin) => lab.byUrl('GET', lab.key(), { unsigned: { origin } })),
  ],
  [
    'CORS: 400 of an object that wants a key',
    ['400 InvalidRequest', ORIGIN],
    fromPage(async (lab, origin) =>
      lab.byUrl('GET', await lab.stored('value', sse(randomBytes(32))), { unsigned: { origin } }),
    ),
  ],
  [
    'CORS: 412',
    ['412 PreconditionFailed', ORIGIN],
    fromPage(async (lab, origin) =>
      lab.byUrl('PUT', await lab.stored(), {
        headers: { 'if-none-match': '*' },
        unsigned: { origin },
        body: 'value',
      }),
    ),
  ],
  [
    'CORS: 416',
    ['416 InvalidRange', ORIGIN],
    fromPage(async (lab, origin) =>
      lab.byUrl('GET', await lab.stored(), { headers: { range: 'bytes=99-' }, unsigned: { origin } }),
    ),
  ],
  [
    'CORS: a GET from another origin is answered without permission',
    ['200', null],
    async (lab) => {
      const answer = await lab.byUrl('GET', await lab.stored(), { unsigned: { origin: ELSEWHERE } })
      return [said(answer), headersOf(answer, 'access-control-allow-origin')[0] ?? null]
    },
  ],
  [
    'CORS: a GET without an origin is answered without permission',
    ['200', null],
    async (lab) => {
      const answer = await lab.byUrl('GET', await lab.stored())
      return [said(answer), headersOf(answer, 'access-control-allow-origin')[0] ?? null]
    },
  ],
]
