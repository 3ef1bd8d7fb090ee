import { readFileSync } from 'node:fs'
import { isAuthorized } from '@cedar-policy/cedar-wasm/nodejs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { evaluator } from '../src/cedar/evaluate.ts'
import { PolicyProblems, parsePolicySet } from '../src/cedar/policy-set.ts'
import { requestOf } from '../src/cedar/request.ts'
import { wallClock } from '../src/circumstances.ts'
import { MONDAY, question } from './policies.ts'

const METADATA =
  'type Metadata = { owner?: String, amount?: Long, tags?: Set<String>, open?: Bool, due?: datetime };'
const set = (policies: string, metadata = METADATA) =>
  parsePolicySet([
    { name: 'metadata.cedarschema', text: metadata },
    { name: 'a.cedar', text: policies },
  ])
let made = 0
/** All of them in one thread, so each has a name of its own. */
const decide = (policies: string, timeZone = 'UTC') => evaluator(set(policies), timeZone, `set ${made++}`)
const PERMIT = '@id("all") permit(principal, action, resource);'

/** What is wrong with them. */
function problems(policies: string, metadata?: string): string {
  try {
    set(policies, metadata)
  } catch (error) {
    if (error instanceof PolicyProblems) return error.message
    throw error
  }
  return 'nothing'
}

describe('text that is no Unicode', () => {
  const types = 'type Metadata = { owner?: String, tags?: Set<String> };'
  const evaluate = evaluator(
    set(
      '@id("all") permit(principal, action, resource) unless { resource has metadata && resource.metadata has owner && resource.metadata.owner == "x" };',
      types,
    ),
    'UTC',
    'surrogates',
  )
  test.each([
    ['metadata', { metadata: { owner: '\ud800' } }],
    ['metadata in a set', { metadata: { tags: ['fine', 'a\udfff'] } }],
    ['a purpose', { context: { purpose: '\ud800' } }],
    ['a role', { principal: { roles: ['\udc00'] } }],
    ['a subject', { principal: { subject: 'a\ud800b' } }],
  ])('in %s is a denial, not the end of the thread', (_, parts) => {
    expect(evaluate(question(parts))).toEqual({ kind: 'deny', policy: 'engine:bad-question' })
    expect(evaluate(question())).toEqual({ kind: 'allow', policy: 'all' })
  })
})

describe('policies that would not do what they seem to are refused', () => {
  test.each([
    ['no policy at all', '', 'there is no policy'],
    ['no name', 'permit(principal, action, resource);', 'give each policy a name'],
    [
      'a name that is too long',
      `@id("${'x'.repeat(65)}") permit(principal, action, resource);`,
      'give each policy a name',
    ],
    [
      'a name of the engine',
      '@id("engine:timeout") permit(principal, action, resource);',
      'give each policy a name',
    ],
    ['two of one name', `${PERMIT}\n${PERMIT}`, 'two policies are called all'],
    ['a misspelt mask', '@id("a") @msk("last:4") permit(principal, action, resource);', '@msk is unknown'],
    [
      'a mask that is none',
      '@id("a") @mask("last") permit(principal, action == Action::"detokenize", resource);',
      '"last:N"',
    ],
    [
      'a mask of a forbid',
      '@id("a") @mask("last:4") forbid(principal, action == Action::"detokenize", resource);',
      'only a permit',
    ],
    [
      'a mask of everything',
      '@id("a") @mask("last:4") permit(principal, action, resource);',
      'a mask needs action',
    ],
    [
      'a mask of several actions',
      '@id("a") @mask("last:4") permit(principal, action in [Action::"detokenize"], resource);',
      'a mask needs action',
    ],
    [
      'an unknown action',
      '@id("a") permit(principal, action == Action::"read", resource);',
      'Action::"read"',
    ],
    [
      'an unknown attribute',
      '@id("a") permit(principal, action, resource) when { principal.role == "x" };',
      'role',
    ],
    [
      'an attribute that may be absent',
      '@id("a") permit(principal, action, resource) when { principal.subject == "x" };',
      'subject',
    ],
    [
      'undeclared metadata',
      '@id("a") forbid(principal, action, resource) when { resource has metadata && resource.metadata.secret };',
      'secret',
    ],
    [
      'a comparison of two types',
      '@id("a") permit(principal, action, resource) when { context.hour == "9" };',
      'a:',
    ],
    ['a template', '@id("a") permit(principal == ?principal, action, resource);', 'templates'],
    ['no Cedar', '@id("a") permit everything;', 'a.cedar: line 1'],
  ])('%s', (_, policies, problem) => expect(problems(policies)).toContain(problem))

  test.each([
    ['another entity', 'type Metadata = {}; entity User2;'],
    ['another action', 'type Metadata = {}; action x appliesTo { principal: [], resource: [] };'],
    ['another name', 'type Meta = {};'],
    ['a type that JSON has not', 'entity A; type Metadata = { a: A };'],
    ['a name of Cedar', 'type Metadata = { __entity: String };'],
  ])('metadata that declare %s', (_, metadata) =>
    expect(problems(PERMIT, metadata)).toContain('metadata.cedarschema'),
  )
})

describe('what policies see', () => {
  const sees = (condition: string, timeZone?: string) =>
    decide(`@id("yes") permit(principal, action, resource) when { ${condition} };`, timeZone)

  test.each([
    ['principal.app == "shop" && principal.session == "a1b2"', 'principal has session'],
    ['principal == User::"shop/alice"', 'true'],
    ['context.hour == 10 && context.minute == 30 && context.weekday == 1', 'true'],
    ['context.network.isInRange(ip("203.0.113.0/24"))', 'context has network'],
    ['context.now == datetime("2026-03-02T10:30:00Z")', 'true'],
    ['context.now.durationSince(resource.createdAt) == duration("24h")', 'resource has createdAt'],
    ['resource.pseudonym == "c3d4"', 'resource has pseudonym'],
    ['!(context has purpose) && !context.full && context.distinctTokens == 1', 'true'],
  ])('%s', (condition, guard) => {
    const verdict = sees(`${guard} && ${condition}`)(question())
    expect(verdict).toEqual({ kind: 'allow', policy: 'yes' })
    const other = question({
      principal: { app: 'bank' as never, subject: null, session: null },
      token: { pseudonym: null, createdAt: null },
      context: { now: MONDAY + 3_700_000, network: '198.51.100.0/24', purpose: 'x' },
    })
    expect(sees(`${guard} && ${condition}`)(other)).toMatchObject({ kind: 'deny' })
  })

  test('the clock of the time zone, the last hour of the year among them', () => {
    const clock = wallClock('America/New_York')
    expect(clock(Date.UTC(2026, 0, 1, 4, 59))).toEqual({ hour: 23, minute: 59, weekday: 3 })
    expect(clock(Date.UTC(2026, 0, 1, 5, 0))).toEqual({ hour: 0, minute: 0, weekday: 4 })
    expect(clock(Date.UTC(2026, 0, 4, 12))).toMatchObject({ weekday: 7 })
    expect(() => wallClock('Nowhere/Land')).toThrow(RangeError)
  })

  const flagged = decide(
    `${PERMIT} @id("flagged") forbid(principal, action, resource) when { resource has metadata.owner && resource.metadata.owner == "mallory" };`,
  )
  test.each([
    ['what is not declared', { other: 1, nested: { owner: 'mallory' } }, 'allow', 'all'],
    ['null', { owner: null }, 'allow', 'all'],
    ['a prototype', JSON.parse('{"__proto__":{"owner":"mallory"}}'), 'allow', 'all'],
    ['its text', { owner: 'mallory' }, 'deny', 'flagged'],
    // A forbid that could not be asked would be no forbid.
    ['another type', { owner: ['mallory'] }, 'deny', 'engine:bad-question'],
    [
      'an entity in disguise',
      { owner: { __entity: { type: 'User', id: 'x' } } },
      'deny',
      'engine:bad-question',
    ],
    [
      'an extension in disguise',
      { owner: { __extn: { fn: 'ip', arg: '10.0.0.1' } } },
      'deny',
      'engine:bad-question',
    ],
    ['a fraction', { amount: 1.5 }, 'deny', 'engine:bad-question'],
    ['a number that loses its end', { amount: 2 ** 60 }, 'deny', 'engine:bad-question'],
    ['a time that is none', { due: 'tomorrow' }, 'deny', 'engine:bad-question'],
    ['a list with a null in it', { tags: ['a', null] }, 'deny', 'engine:bad-question'],
  ])('metadata: %s', (_, metadata, kind, policy) => {
    expect(flagged(question({ metadata }))).toEqual({ kind, policy })
  })
})

describe('a decision', () => {
  test('needs a permit', () => {
    const nobody = decide('@id("x") permit(principal is Operator, action, resource);')
    expect(nobody(question())).toEqual({ kind: 'deny', policy: 'engine:no-permit' })
  })

  test('is a denial when any policy fails, because it may have been the one that forbids', () => {
    const failing = decide(
      `${PERMIT} @id("sums") forbid(principal, action, resource) when { context.distinctTokens * 9223372036854775807 > 0 };`,
    )
    expect(failing(question({ context: { distinctTokens: 2 } }))).toEqual({ kind: 'deny', policy: 'sums' })
  })

  test('shows what one of its permits shows', () => {
    const permit = (id: string, mask: string, role: string) =>
      `@id("${id}") ${mask} permit(principal, action == Action::"detokenize", resource) when { principal.roles.contains("${role}") };`
    const some = decide(
      [
        permit('two', '@mask("last:2")', 'a'),
        permit('six', '@mask("first:6")', 'b'),
        permit('all', '', 'c'),
      ].join('\n'),
    )
    const of = (...roles: string[]) => some(question({ principal: { roles } }))
    expect(of('a')).toMatchObject({ kind: 'mask', mask: { show: 'last', count: 2 }, policy: 'two' })
    expect(of('a', 'b')).toMatchObject({ kind: 'mask', mask: { show: 'first', count: 6 }, policy: 'six' })
    expect(of('a', 'b', 'c')).toEqual({ kind: 'allow', policy: 'all' })
    expect(of()).toMatchObject({ kind: 'deny' })
  })
})

const text = fc.string({ maxLength: 12 })
const questions = fc
  .record({
    action: fc.constantFrom('tokenize', 'detokenize', 'read-metadata', 'set-grant', 'delete-token'),
    kind: fc.constantFrom('user', 'application', 'operator'),
    subject: fc.option(text),
    roles: fc.array(fc.constantFrom('support', 'billing', 'x')),
    hour: fc.integer({ min: 0, max: 200 }),
    createdAt: fc.option(fc.integer({ min: 0, max: MONDAY })),
    metadata: fc.option(
      fc.record(
        {
          owner: fc.oneof(text, fc.constant('alice')),
          amount: fc.maxSafeInteger(),
          tags: fc.array(text),
          x: fc.jsonValue(),
        },
        { requiredKeys: [] },
      ),
    ),
    network: fc.option(fc.constantFrom('203.0.113.0/24', '10.1.2.0/24', '2001:db8:1::/48')),
    purpose: fc.option(text),
    full: fc.boolean(),
    distinctTokens: fc.nat({ max: 40 }),
  })
  .map(({ action, kind, subject, roles, hour, createdAt, metadata, ...context }) =>
    question({
      action: action as 'tokenize',
      principal: { kind: kind as 'user', subject, roles },
      token: { createdAt },
      metadata,
      context: { ...context, now: MONDAY + hour * 3_600_000 },
    }),
  )
const conditions = fc.constantFrom(
  'principal.roles.contains("support")',
  'context.hour < 9',
  'context.weekday > 5',
  'context.full',
  'context.distinctTokens > 20',
  'context has network && context.network.isInRange(ip("10.0.0.0/8"))',
  'resource has metadata.owner && resource.metadata.owner == "alice"',
  'principal has subject && principal.subject like "a*"',
  'resource has metadata.amount && resource.metadata.amount * 3 > 10',
)
const policies = (effect: string) =>
  fc.array(conditions, { minLength: 1, maxLength: 4 }).map((some) =>
    some
      .map((condition, index) => {
        const mask = effect === 'permit' && index % 2 === 1
        const head = mask
          ? 'principal, action == Action::"detokenize", resource'
          : 'principal, action, resource'
        return `@id("${effect}-${index}") ${mask ? `@mask("last:${index + 1}")` : ''} ${effect}(${head}) when { ${condition} };`
      })
      .join('\n'),
  )
const WIDTH = { deny: 0, mask: 1, allow: 100 }

test('more forbids never allow more', () => {
  fc.assert(
    fc.property(
      policies('permit'),
      policies('forbid'),
      fc.array(questions, { minLength: 5, maxLength: 5 }),
      (permits, forbids, some) => {
        const [before, after] = [decide(permits), decide(`${permits}\n${forbids}`)]
        for (const asked of some) {
          const [first, then] = [before(asked), after(asked)]
          expect(WIDTH[then.kind]).toBeLessThanOrEqual(WIDTH[first.kind])
          if (then.kind === 'mask') expect(then).toEqual(first)
        }
      },
    ),
    { numRuns: 8 },
  )
})

test('what we ask has always the type that policies were checked against', () => {
  const { metadata } = set(PERMIT)
  const schema = `${readFileSync(new URL('../schema/lunadefend.cedarschema', import.meta.url), 'utf8')}\n${METADATA}`
  fc.assert(
    fc.property(questions, (asked) => {
      const request = requestOf(asked, { hour: 1, minute: 1, weekday: 1 }, metadata)
      const answer = isAuthorized({
        ...request,
        schema,
        validateRequest: true,
        policies: { staticPolicies: PERMIT },
      })
      expect(answer).toMatchObject({ type: 'success', response: { decision: 'allow' } })
    }),
    { numRuns: 30 },
  )
})
