import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { IncomingMessage } from 'node:http'
import { describe, expect, test } from 'vitest'
import { shareAnswers } from '../packages/tokenizer/src/http/share-answers.ts'
import { install } from './harness/installation.ts'

test('a flood of /ready is no flood of questions to the object store', async () => {
  await using on = await install()
  let questions = 0
  const count = (message: unknown) => {
    const { request } = message as { request: IncomingMessage }
    if (request.url?.startsWith('/lunadefend/v1/ping')) questions += 1
  }
  subscribe('http.server.request.start', count)
  const began = performance.now()
  const answers = await Promise.all(Array.from({ length: 300 }, () => fetch(`${on.wire.url}/ready`)))
  const seconds = (performance.now() - began) / 1000
  unsubscribe('http.server.request.start', count)
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
  expect(questions).toBeGreaterThan(0)
  // However long it took: a second lies between two.
  expect(questions).toBeLessThanOrEqual(1 + seconds)
})

describe('an answer is shared', () => {
  const asking = () => {
    const questions: PromiseWithResolvers<string>[] = []
    const time = { now: 0 }
    const ask = shareAnswers(
      () => {
        const question = Promise.withResolvers<string>()
        questions.push(question)
        return question.promise
      },
      1000,
      () => time.now,
    )
    return { ask, questions, time }
  }

  test('by all who ask before it is there, however long that takes', async () => {
    const { ask, questions, time } = asking()
    const first = ask()
    time.now = 60_000
    const second = ask()
    expect(questions).toHaveLength(1)
    questions[0]?.resolve('well')
    expect(await Promise.all([first, second])).toEqual(['well', 'well'])
  })

  test('for a second from when it came, and no longer', async () => {
    const { ask, questions, time } = asking()
    const first = ask()
    time.now = 5000
    questions[0]?.resolve('well')
    await first
    time.now = 5999
    expect(await ask()).toBe('well')
    time.now = 6000
    const next = ask()
    expect(questions).toHaveLength(2)
    questions[1]?.resolve('ill')
    expect(await next).toBe('ill')
  })

  test('when there is none, too', async () => {
    const { ask, questions, time } = asking()
    const first = ask()
    questions[0]?.reject(new Error('gone'))
    await expect(first).rejects.toThrow('gone')
    await expect(ask()).rejects.toThrow('gone')
    time.now = 1000
    const next = ask()
    questions[1]?.resolve('well')
    expect(await next).toBe('well')
  })
})
