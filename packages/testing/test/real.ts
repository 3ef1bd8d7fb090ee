import { Buffer, type File } from 'node:buffer'
import { FILE_HEADER_BYTES, fileHeader, readFileHeader } from '@lunadefend/content-cipher/file-envelope'
import { afterAll, beforeAll } from 'vitest'
import { type RealStage, startRealStage } from '../../browser/test/real-stage.ts'
import { sdkBundle } from '../../browser/test/stage.ts'
import {
  checkSecure,
  chooseSecure,
  downloadSecure,
  fillSecure,
  pressSecure,
  readSecure,
  readSecureRows,
  secureField,
  uploadSecure,
} from '../src/playwright.ts'
import { STORED, type Stage } from './contract.ts'

const SID = 'login-1'

async function bytesFor(value: string | File): Promise<Buffer> {
  if (typeof value === 'string') return Buffer.from(value)
  return Buffer.concat([fileHeader(value, value.size), Buffer.from(await value.arrayBuffer())])
}

/** The real elements, the real LunaDefend and a real browser. */
function realStage(real: RealStage, tokens: Readonly<Record<string, string>>): Stage {
  let page: Awaited<ReturnType<RealStage['open']>>
  const { client, service } = real
  return {
    faults: service.faults,
    async open(body) {
      await service.faults.reset()
      let html = body
      for (const [name, token] of Object.entries(tokens)) html = html.replaceAll(`[${name}]`, token)
      page = await real.open(html)
    },
    run: (work, argument) => page.evaluate(work as never, argument),
    fill: (label, text) => fillSecure(page, label, text),
    choose: (label, option) => chooseSecure(page, label, option),
    check: (label, isChecked) => checkSecure(page, label, isChecked),
    upload: (label, files, wait = true) =>
      uploadSecure(
        page,
        label,
        Object.entries(files).map(([name, text]) => ({
          ...{ name, mimeType: 'text/plain', buffer: Buffer.from(text) },
        })),
        { wait },
      ),
    enter: (label) => secureField(page, label).press('Enter'),
    press: (label, button) => pressSecure(page, label, button),
    read: (label) => readSecure(page, label),
    readRows: (label) => readSecureRows(page, label),
    async download(label) {
      const { name, bytes } = await downloadSecure(page, label)
      return { name, text: bytes.toString() }
    },
    click: (selector) => page.click(selector),
    async valueOf(token) {
      const sid = client.sid(SID)
      await client.grants.create(sid, token)
      const value = Buffer.from(await client.detokenize(sid, token))
      return value.subarray(readFileHeader(value) === null ? 0 : FILE_HEADER_BYTES).toString()
    },
  }
}

/** For all tests of a file. */
export function shareRealStage(): () => Stage {
  let real: RealStage
  let stage: Stage
  beforeAll(async () => {
    real = await startRealStage(sdkBundle())
    const { client } = real
    const sid = client.sid(SID)
    const tokens: Record<string, string> = {}
    for (const [name, value] of Object.entries(STORED))
      tokens[name] = await client.tokenize(sid, await bytesFor(value))
    await client.grants.create(sid, Object.values(tokens))
    stage = realStage(real, tokens)
  })
  afterAll(() => real[Symbol.asyncDispose]())
  return () => stage
}
