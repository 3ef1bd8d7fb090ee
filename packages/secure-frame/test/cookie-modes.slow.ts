import { afterAll, beforeAll, describe, test } from 'vitest'
import { type OwnBrowser, startChromium } from './chromium.ts'
import { expectOneSession, type Mode, PREFERENCES } from './cookie-modes.ts'

/** Every place of the app and every kind of cookie, in every setting of the browser; 20 frames each. */
const PLACES = { 'on its site': 'localhost', 'on another site': '127.0.0.1' } as const
const KINDS = ['strict', 'partitioned'] as const

function keepIn(setting: string, place: string, kind: string): Mode['keep'] {
  if (setting === 'none') return 'memory'
  return place === 'on another site' && kind === 'strict' ? 'memory' : 'cookie'
}

describe.each(Object.entries(PREFERENCES))('third-party cookies: %s', (setting, preferences) => {
  let own: OwnBrowser
  beforeAll(async () => {
    own = await startChromium([], preferences)
  })
  afterAll(() => own[Symbol.asyncDispose]())

  const cases = Object.entries(PLACES).flatMap(([place, appHost]) =>
    KINDS.map((kind) => [place, kind, appHost] as const),
  )
  test.each(cases)('%s, a %s cookie', (place, kind, appHost) =>
    expectOneSession(
      {
        own,
        appHost,
        keep: keepIn(setting, place, kind),
        change: (world) => {
          world.cookies = kind
        },
      },
      20,
    ),
  )
})
