import { checkPolicies, dryRun, type PastDecision, testPolicies } from '@lunadefend/authorizers/workbench'
import { describe, expect, test } from 'vitest'
import { folder, MONDAY } from './policies.ts'

const PERMIT = '@id("all") permit(principal, action, resource);'

describe('tests of policies', () => {
  test('say what was expected, what came, and of whom', async () => {
    const tests = [
      { name: 'right', ask: { action: 'tokenize' }, expect: 'allow', policy: 'all' },
      { name: 'wrong verdict', ask: { action: 'tokenize' }, expect: 'deny' },
      { name: 'wrong policy', ask: { action: 'tokenize' }, expect: 'allow', policy: 'other' },
    ]
    await using files = await folder({ 'x/a.cedar': PERMIT, 'x/a.test.json': JSON.stringify({ tests }) })
    expect(await testPolicies(files.path)).toEqual([
      { file: 'x/a.test.json', name: 'right', isGood: true, expected: 'allow by all', got: 'allow by all' },
      { file: 'x/a.test.json', name: 'wrong verdict', isGood: false, expected: 'deny', got: 'allow by all' },
      {
        file: 'x/a.test.json',
        name: 'wrong policy',
        isGood: false,
        expected: 'allow by other',
        got: 'allow by all',
      },
    ])
  })

  const ask = { action: 'detokenize' }
  test.each([
    ['{', 'a.test.json: one JSON value'],
    [{ tests: {} }, 'a.test.json/tests: a list'],
    [{ tests: [{ ask, expect: 'allow' }] }, 'a.test.json/tests/0: "name"'],
    [{ tests: [{ name: 'a', ask, expect: 'maybe' }] }, 'a.test.json/tests/0/expect: "allow"'],
    [{ tests: [{ name: 'a', ask, expect: ['allow'] }] }, 'a.test.json/tests/0/expect: "allow"'],
    [
      { tests: [{ name: 'a', ask: { action: { toString: 1 } }, expect: 'deny' }] },
      'a.test.json/tests/0/ask/action: one of tokenize',
    ],
    [
      { tests: [{ name: 'a', ask: { action: 'read' }, expect: 'deny' }] },
      'a.test.json/tests/0/ask/action: one of tokenize',
    ],
    [
      { tests: [{ name: 'a', ask: { ...ask, actor: { role: 'x' } }, expect: 'deny' }] },
      'ask/actor/role: there are kind',
    ],
    [
      { tests: [{ name: 'a', ask: { ...ask, context: { now: '2026-03-02' } }, expect: 'deny' }] },
      'ask/context/now: a time with its offset',
    ],
    [{ typescript: '../a.ts', tests: [] }, 'a file beside the tests'],
  ])('%j is refused: %s', async (tests, problem) => {
    const text = typeof tests === 'string' ? tests : JSON.stringify(tests)
    await using files = await folder({ 'a.cedar': PERMIT, 'a.test.json': text })
    await expect(testPolicies(files.path)).rejects.toThrow(problem)
  })
})

test('a check says what is there, or what is wrong', async () => {
  await using files = await folder({ 'a.cedar': PERMIT })
  expect(await checkPolicies(files.path)).toEqual({
    ...{ policies: ['all'], readsMetadata: false, warnings: [], problems: [] },
  })
  await files.write('a.cedar', '@id("never") permit(principal is Token, action, resource);')
  const check = await checkPolicies(files.path)
  expect([...check.problems, ...check.warnings].join()).toContain('never')
})

describe('a dry run', () => {
  const row = (changed: Partial<PastDecision> = {}): PastDecision => ({
    ...{ at: MONDAY, requestId: 'r1', app: 'shop', actor: 'user', operator: null, action: 'detokenize' },
    ...{ session: 's', user: 'u', token: 't', refusal: null },
    ...changed,
  })
  const run = async (policies: string, rows: PastDecision[]) => {
    await using files = await folder({
      'a.cedar': policies,
      'metadata.cedarschema': 'type Metadata = { owner?: String };',
    })
    return await dryRun({ policies: files.path }, rows)
  }
  const NIGHT = Date.UTC(2026, 2, 2, 3)
  const CLOSED = '@id("closed") forbid(principal, action, resource) when { context.hour < 9 };'

  test('shows what would differ, and counts no row that policies were not asked about', async () => {
    const rows = [
      row(),
      row({ at: NIGHT, requestId: 'r2' }),
      row({ at: NIGHT, requestId: 'r3' }),
      row({ refusal: 'policy-denied', requestId: 'r4' }),
      row({ refusal: 'no-grant' }),
      row({ action: 'open-session' }),
      row({ actor: 'system', app: null, action: 'rotate-key' }),
    ]
    expect(await run(`${PERMIT} ${CLOSED}`, rows)).toEqual({
      ...{ decisions: 4, same: 1, unsure: 0, dependsOn: [] },
      differences: [
        {
          action: 'detokenize',
          actor: 'user',
          was: 'allow',
          would: 'deny',
          policy: 'closed',
          count: 2,
          requestId: 'r2',
        },
        {
          action: 'detokenize',
          actor: 'user',
          was: 'deny',
          would: 'allow',
          policy: 'all',
          count: 1,
          requestId: 'r4',
        },
      ],
    })
  })

  test.each([
    ['principal.roles', 'principal.roles.contains("x")'],
    ['principal.subject', 'principal has subject && principal.subject == "alice"'],
    ['principal', 'principal == User::"shop/alice"'],
    ['resource.metadata', 'resource has metadata.owner && resource.metadata.owner == "alice"'],
    [
      'resource.createdAt',
      'resource has createdAt && context.now.durationSince(resource.createdAt) < duration("1d")',
    ],
    ['context.network', 'context has network && context.network.isLoopback()'],
    ['context.purpose', 'context has purpose'],
    ['context.distinctTokens', 'context.distinctTokens > 20'],
    ['context.full', 'context.full'],
  ])('does not guess %s', async (path, condition) => {
    const permits = `@id("some") permit(principal, action, resource) when { context.hour > 9 && ${condition} };`
    const forbids = `${PERMIT} @id("some") forbid(principal, action, resource) when { context.hour > 9 && ${condition} };`
    for (const policies of [permits, forbids]) {
      const { unsure, dependsOn } = await run(policies, [row(), row({ refusal: 'policy-denied' })])
      expect({ unsure, dependsOn }).toEqual({ unsure: 2, dependsOn: [path] })
    }
    // At night it does not matter what is unknown.
    const atNight = [row({ at: NIGHT, refusal: 'policy-denied' }), row({ at: NIGHT })]
    expect(await run(permits, atNight)).toMatchObject({
      unsure: 0,
      same: 1,
      differences: [{ would: 'deny' }],
    })
    expect(await run(forbids, atNight)).toMatchObject({
      unsure: 0,
      same: 1,
      differences: [{ would: 'allow' }],
    })
  })

  test('knows that an application has no roles and no subject', async () => {
    const roles = '@id("x") permit(principal, action, resource) when { principal.roles.contains("x") };'
    const grants = row({ actor: 'application', action: 'set-grant', user: null })
    expect(await run(roles, [grants])).toMatchObject({
      unsure: 0,
      differences: [{ was: 'allow', would: 'deny' }],
    })
  })

  test('cannot tell a part from all that was shown, and can tell either from nothing', async () => {
    const four = '@id("four") @mask("last:4") permit(principal, action == Action::"detokenize", resource);'
    const ran = await run(four, [row(), row({ refusal: 'policy-denied' })])
    expect(ran).toMatchObject({
      unsure: 1,
      dependsOn: ['what was shown'],
      differences: [{ was: 'deny', would: 'mask last:4' }],
    })
  })
})
