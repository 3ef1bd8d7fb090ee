import type { AppId } from '@lunadefend/contract'
import type { PolicyAction, Question } from '@lunadefend/core'
import { ACTION_NAMES } from '../circumstances.ts'

/** A table of questions, and what is to be decided of each. */
export interface TestFile {
  /** Beside the file. `null` = the policies of its folder alone. */
  readonly typescript: string | null
  readonly timeZone: string
  readonly cases: readonly TestCase[]
}

export interface TestCase {
  readonly name: string
  readonly question: Question
  /** `allow`, `deny`, `mask last:4`. */
  readonly expect: string
  /** Which policy is to decide; `null` = any. */
  readonly policy: string | null
}

/** A file of tests that cannot be understood. Says where, and what would be right. */
export class TestFileWrong extends Error {
  constructor(where: string, wanted: string) {
    super(`${where}: ${wanted}`)
    this.name = 'TestFileWrong'
  }
}

/** What may stand at one place: the check, and what it is called. */
interface Rule {
  readonly fits: (value: unknown) => boolean
  readonly wanted: string
}

const TEXT: Rule = { fits: (value) => typeof value === 'string', wanted: 'a text' }
const TEXT_OR_NULL: Rule = { fits: (value) => value === null || TEXT.fits(value), wanted: 'a text or null' }
const OBJECT: Rule = {
  fits: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  wanted: 'an object',
}
const TIME: Rule = {
  fits: (value) =>
    TEXT.fits(value) &&
    /^[^T]{1,16}T.{1,24}(?:Z|[+-]\d\d:\d\d)$/.test(String(value)) &&
    timeOf(value) !== null,
  wanted: 'a time with its offset: "2026-03-02T10:30:00+01:00"',
}
const VERDICT: Rule = {
  fits: (value) => TEXT.fits(value) && /^(?:allow|deny|mask (?:first|last):[1-9]\d?)$/.test(String(value)),
  wanted: '"allow", "deny" or "mask last:4"',
}
const oneOf = (...names: string[]): Rule => ({
  fits: (value) => names.some((name) => name === value),
  wanted: `one of ${names.join(', ')}`,
})
const listOf = (rule: Rule): Rule => ({
  fits: (value) => Array.isArray(value) && value.every(rule.fits),
  wanted: `a list: each ${rule.wanted}`,
})

const FILE = { typescript: TEXT, timeZone: TEXT, tests: listOf(OBJECT) }
const CASE = { name: TEXT, ask: OBJECT, expect: VERDICT, policy: TEXT }
const ASK = {
  action: oneOf(...Object.values(ACTION_NAMES)),
  actor: OBJECT,
  token: OBJECT,
  metadata: OBJECT,
  context: OBJECT,
}
const ACTOR = {
  kind: oneOf('user', 'application', 'operator'),
  app: TEXT,
  subject: TEXT_OR_NULL,
  roles: listOf(TEXT),
  session: TEXT_OR_NULL,
}
const TOKEN = { pseudonym: TEXT_OR_NULL, createdAt: TIME }
const CONTEXT = {
  now: TIME,
  network: TEXT_OR_NULL,
  purpose: TEXT_OR_NULL,
  full: { fits: (value: unknown) => typeof value === 'boolean', wanted: 'true or false' },
  distinctTokens: { fits: Number.isSafeInteger, wanted: 'a whole number' },
} satisfies Record<string, Rule>

type Read<R> = { readonly [Key in keyof R]?: unknown }

/** The object at this place, with no key that is not in the table. */
function read<R extends Readonly<Record<string, Rule>>>(value: unknown, where: string, rules: R): Read<R> {
  if (!OBJECT.fits(value)) throw new TestFileWrong(where, OBJECT.wanted)
  for (const [key, inner] of Object.entries(value as object)) {
    const rule = Object.hasOwn(rules, key) ? rules[key] : undefined
    if (rule === undefined)
      throw new TestFileWrong(`${where}/${key}`, `there are ${Object.keys(rules).join(', ')}`)
    if (!rule.fits(inner)) throw new TestFileWrong(`${where}/${key}`, rule.wanted)
  }
  return value as Read<R>
}

/** Reads a file of tests. Throws TestFileWrong. */
export function parseTestFile(name: string, text: string): TestFile {
  const { typescript = null, timeZone = 'UTC', tests } = read(parseJson(name, text), name, FILE)
  if (!Array.isArray(tests)) throw new TestFileWrong(`${name}/tests`, 'a list of tests')
  const cases = tests.map((test: unknown, index) => caseOf(test, `${name}/tests/${index}`))
  return { typescript: typescript as string | null, timeZone: timeZone as string, cases }
}

function parseJson(name: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new TestFileWrong(name, 'one JSON value, without comments')
  }
}

function caseOf(value: unknown, where: string): TestCase {
  const { name, ask, expect, policy = null } = read(value, where, CASE)
  if (name === undefined || expect === undefined) throw new TestFileWrong(where, '"name", "ask" and "expect"')
  return {
    name: name as string,
    question: questionOf(ask, `${where}/ask`),
    expect: expect as string,
    policy: policy as string | null,
  }
}

/** When nothing else is said: a Thursday at noon. */
const NOON = Date.UTC(2026, 0, 1, 12)

function questionOf(value: unknown, where: string): Question {
  const { action, actor = {}, token = {}, metadata = null, context = {} } = read(value, where, ASK)
  const found = Object.entries(ACTION_NAMES).find(([, called]) => called === action)
  if (found === undefined) throw new TestFileWrong(`${where}/action`, ASK.action.wanted)
  const { createdAt, ...named } = read(token, `${where}/token`, TOKEN)
  const { now, ...circumstances } = read(context, `${where}/context`, CONTEXT)
  const who = read(actor, `${where}/actor`, ACTOR)
  const nobody = { kind: 'user', app: 'app' as AppId, subject: null, roles: [], session: null } as const
  const plain = { network: null, purpose: null, full: false, distinctTokens: 1 }
  return {
    action: found[0] as PolicyAction,
    principal: { ...nobody, ...(who as object) },
    token: { pseudonym: null, ...(named as object), createdAt: timeOf(createdAt) },
    metadata: metadata as Question['metadata'],
    context: { ...plain, ...(circumstances as object), now: timeOf(now) ?? NOON },
  }
}

function timeOf(value: unknown): number | null {
  const time = Date.parse(String(value))
  return Number.isNaN(time) ? null : time
}
