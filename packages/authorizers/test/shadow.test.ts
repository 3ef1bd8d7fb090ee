import { expect, test } from 'vitest'
import type { AuthorizerEvent } from '../src/settings.ts'
import { Shadow } from '../src/shadow.ts'
import { folder, moduleOf, open, question } from './policies.ts'

test('a second set changes nothing; where it differs is counted, without a word of the question', async () => {
  await using files = await folder({
    'live/a.cedar': '@id("all") permit(principal, action, resource);',
    'next/a.cedar': `@id("last-four") @mask("last:4") permit(principal, action == Action::"detokenize", resource);
      @id("users") permit(principal is User, action == Action::"tokenize", resource);`,
  })
  const opened = await open({ cedar: files.at('live'), shadow: { cedar: files.at('next') } })
  const allowed = { kind: 'allow', policy: 'all' }
  const asked = (['detokenize', 'detokenize', 'tokenize', 'delete-token'] as const).map((action) =>
    question({ action }),
  )
  expect(await opened.authorizers.decide(asked)).toEqual(asked.map(() => allowed))
  const loaded = opened.events.filter(({ event }) => event === 'policies-loaded')
  expect(loaded).toMatchObject([{ set: 'live' }, { set: 'shadow' }])
  await opened[Symbol.asyncDispose]()
  const differences = opened.events.filter(({ event }) => event === 'shadow-differs')
  const live = { event: 'shadow-differs', live: 'allow', livePolicy: 'all' }
  expect(differences).toEqual([
    { ...live, action: 'detokenize', shadow: 'mask last:4', shadowPolicy: 'last-four', count: 2 },
    { ...live, action: 'deleteToken', shadow: 'deny', shadowPolicy: 'engine:no-permit', count: 1 },
  ])
  expect(JSON.stringify(differences)).not.toMatch(/alice|a1b2|c3d4/)
})

test('a second set that hangs or fails delays nobody', async () => {
  await using files = await folder({
    'a.cedar': '@id("all") permit(principal, action, resource);',
    'a.ts': moduleOf('return new Promise(() => undefined)'),
  })
  await using opened = await open({
    ...{ cedar: files.at('a.cedar'), shadow: { typescript: files.at('a.ts') }, patienceMs: 2000 },
  })
  for (let asked = 0; asked < 50; asked += 1)
    expect(await opened.ask(question())).toEqual({ kind: 'allow', policy: 'all' })
})

test('names without end are not kept without end, and a set that is behind is not asked', async () => {
  const events: AuthorizerEvent[] = []
  let made = 0
  const answers: (() => void)[] = []
  const shadow = new Shadow(
    (asked) =>
      new Promise((resolve) =>
        answers.push(() => resolve(asked.map(() => ({ kind: 'deny', policy: `n${made++}` })))),
      ),
    (event) => events.push(event),
  )
  const compared = Array.from({ length: 150 }, () =>
    shadow.compare(
      Array.from({ length: 10 }, () => question()),
      Array.from({ length: 10 }, () => ({ kind: 'allow', policy: null })),
    ),
  )
  for (const answer of answers) answer()
  await Promise.all(compared)
  await shadow[Symbol.asyncDispose]()
  const counts = events.flatMap((event) => (event.event === 'shadow-differs' ? [event.count] : []))
  expect(counts).toHaveLength(201)
  expect(counts.reduce((sum, each) => sum + each, 0)).toBe(1000)
  expect(events.at(-1)).toEqual({ event: 'shadow-skipped', count: 500 })
})
