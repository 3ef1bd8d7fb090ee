import { symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startLunaDefend } from '@lunadefend/testing'
import type { TokenizerConfig } from '@lunadefend/tokenizer'
import { describe, expect, test } from 'vitest'
import { blockFont } from '../../packages/secure-frame/test/block-font.ts'
import { scratch } from '../harness/directory.ts'

const ORIGIN = 'http://localhost:3'

/** A folder with a good font, another file beside it, and one outside of it. */
function fontFolder() {
  const folder = scratch()
  writeFileSync(join(folder.path, 'good.woff2'), blockFont())
  writeFileSync(join(folder.path, 'text.woff2'), 'SECRET-OF-THIS-MACHINE')
  const outside = scratch()
  writeFileSync(join(outside.path, 'font.woff2'), blockFont())
  symlinkSync(join(outside.path, 'font.woff2'), join(folder.path, 'outside.woff2'))
  symlinkSync('good.woff2', join(folder.path, 'alias.woff2'))
  return {
    path: folder.path,
    [Symbol.dispose]() {
      folder[Symbol.dispose]()
      outside[Symbol.dispose]()
    },
  }
}

type Fonts = NonNullable<TokenizerConfig['frame']>['fonts']
const start = (folder: string, fonts: Fonts) =>
  startLunaDefend({ origins: [ORIGIN], frame: { fontFolder: folder, fonts } })

describe('a Tokenizer with fonts', () => {
  test('serves them, and nothing beside them, to be kept for ever; its frames let in no others', async () => {
    using folder = fontFolder()
    const files = [{ file: 'good.woff2' }, { file: 'alias.woff2', style: 'italic' }]
    await using lunadefend = await start(folder.path, [{ family: 'Good', files }])
    const url = lunadefend.tokenizerUrl
    const page = await fetch(`${url}/frame?app=app&component=input`, {
      headers: { 'sec-fetch-dest': 'iframe' },
    })
    expect(page.headers.get('content-security-policy')).toContain("; font-src 'self'; ")
    const style = /href="([^"]+\.css)"/.exec(await page.text())?.[1]
    const css = await (await fetch(`${url}${style}`)).text()
    const paths = [...css.matchAll(/url\(([^)]+)\)/g)].map(([, path]) => path)
    expect(paths).toHaveLength(2)
    expect(css).not.toContain('good.woff2')
    const answer = await fetch(`${url}${paths[0]}`)
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'font/woff2',
      'cache-control': 'public, max-age=31536000, immutable',
      'cross-origin-resource-policy': 'same-origin',
      'x-content-type-options': 'nosniff',
    })
    expect(Buffer.from(await answer.arrayBuffer())).toEqual(blockFont())
    for (const path of [
      '/frame/good.woff2',
      '/frame/text.woff2',
      '/frame/%2e%2e/text.woff2',
      '/frame/font.woff2',
    ])
      expect([path, (await fetch(`${url}${path}`)).status]).toEqual([path, 404])
  })

  test('names all that is wrong at its start, and repeats nothing of it', async () => {
    using folder = fontFolder()
    const families = [
      { family: 'A"} body {', files: [{ file: 'good.woff2' }] },
      { family: 'B', files: [{ file: 'good.woff2', weight: '400;}' }, { file: 'gone.woff2' }] },
      { family: 'C', files: [{ file: 'text.woff2' }, { file: 'outside.woff2' }] },
    ]
    const refusal = await start(folder.path, families).catch((error: unknown) => error)
    expect(refusal).toMatchObject({ code: 'config_invalid' })
    expect(String(refusal)).toMatch(
      /\/frame\/fonts\/0\/files\/0 family .*\/frame\/fonts\/1\/files\/0 weight .*\/frame\/fonts\/1\/files\/1 file cannot be read; \/frame\/fonts\/2\/files\/0 file is no whole WOFF2 file; \/frame\/fonts\/2\/files\/1 file leads out of fontFolder/,
    )
    for (const word of ['body', 'SECRET', 'gone', folder.path]) expect(String(refusal)).not.toContain(word)
  })
})
