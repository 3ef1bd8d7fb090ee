import { createHash } from 'node:crypto'
import { closeSync, openSync, writeSync } from 'node:fs'
import type { Frame, Page } from 'playwright-core'
import { readFileHeader } from '../../content-cipher/src/file-envelope.ts'
import { frameOf, type RealStage } from './real-stage.ts'
import { until } from './stage.ts'

export const MIB = 1024 ** 2

/** A file in memory, as Playwright takes it. */
export interface Sample {
  readonly name: string
  readonly mimeType: string
  readonly buffer: Buffer
}

export function sample(name: string, content: string | Buffer, mimeType = 'text/plain'): Sample {
  return { name, mimeType, buffer: Buffer.from(content) }
}

/** A file on the disk whose content nobody can guess the next byte of; cheap to make. @returns its SHA-256 */
export function writeLargeFile(path: string, bytes: number, seed = 'large'): string {
  const file = openSync(path, 'w')
  const hash = createHash('sha256')
  for (let at = 0; at < bytes; at += MIB) {
    const block = Buffer.alloc(
      Math.min(MIB, bytes - at),
      createHash('sha512').update(`${seed} ${at}`).digest(),
    )
    hash.update(block)
    writeSync(file, block)
  }
  closeSync(file)
  return hash.digest('hex')
}

const formOf = (attributes: string): string => `<form method="post" action="/submit">
  <label for="f">Papers</label><secure-upload id="f" name="papers" ${attributes}></secure-upload>
  <button id="save">Save</button></form>`

export interface Opened {
  readonly page: Page
  readonly frame: Frame
}

export async function openForm(stage: RealStage, attributes = ''): Promise<Opened> {
  const page = await stage.open(formOf(attributes))
  return { page, frame: await frameOf(page, '#f') }
}

export function choose({ frame }: Opened, ...files: readonly (string | Sample)[]): Promise<void> {
  return frame.locator('input[type=file]').setInputFiles(files as string[])
}

export function tokensOf({ page }: Opened): Promise<string[]> {
  return page.evaluate(() => {
    const element = document.querySelector('secure-upload') as unknown as { tokens: string[] }
    return [...element.tokens]
  })
}

export async function untilTokens(opened: Opened, count: number, waitMs = 60_000): Promise<string[]> {
  await until(async () => (await tokensOf(opened)).length, waitMs).toBe(count)
  return tokensOf(opened)
}

/** What each row says of its file. */
export function wordsOf({ frame }: Opened): Promise<string[]> {
  return frame.locator('li .state').allTextContents()
}

export function button({ frame }: Opened, name: string | RegExp) {
  return frame.getByRole('button', { name })
}

/** What a token stands for, as the app's server reads it. */
export async function readFile({ client }: RealStage, token: string) {
  const sid = client.sid('login-1')
  await client.grants.create(sid, token)
  const value = await client.detokenize(sid, token)
  const content = Buffer.from(value.subarray(1024))
  const hash = createHash('sha256').update(content).digest('hex')
  return { ...readFileHeader(value), content, hash }
}
