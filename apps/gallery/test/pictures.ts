import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join, relative } from 'node:path'
import { env } from 'node:process'
import { fileURLToPath } from 'node:url'
import pixelmatch from 'pixelmatch'
import { PNG } from 'pngjs'
import { smallPng } from './small-png.ts'
import { LEFT } from './studio.ts'

const KEPT = fileURLToPath(new URL('pictures/', import.meta.url))
const VERSION = join(KEPT, 'chromium-version.txt')
const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

/** Whether this run takes the pictures that others are compared with (`npm run gallery:accept`). */
export const isAccepting = env['LUNADEFEND_ACCEPT_PICTURES'] === '1'

/**
 * How far two colours may be from each other (pixelmatch: a share of the greatest distance that YIQ has), and how many pixels may be
 * further. Fonts are the same everywhere, but not what each version of Chromium makes of their edges.
 */
const THRESHOLD = 0.15
export const MOST_PIXELS = 40

export interface Difference {
  /** Pixels that are not the same; all of them where the size is not. */
  readonly pixels: number
  readonly why: string
  /** `null` where the sizes differ, or there was no picture. */
  readonly diff: PNG | null
}

/** How a picture differs from the one that is kept under this name. */
export function differenceFrom(name: string, actual: PNG): Difference {
  const path = keptPath(name)
  if (!existsSync(path))
    return { pixels: Number.POSITIVE_INFINITY, why: 'there is no picture of it yet', diff: null }
  const kept = PNG.sync.read(readFileSync(path))
  const [is, was] = [actual, kept].map(({ width, height }) => `${width} × ${height}`)
  if (is !== was)
    return { pixels: Number.POSITIVE_INFINITY, why: `it is ${is} pixels large, and was ${was}`, diff: null }
  const diff = new PNG({ width: actual.width, height: actual.height })
  const pixels = pixelmatch(kept.data, actual.data, diff.data, actual.width, actual.height, {
    threshold: THRESHOLD,
  })
  return {
    pixels,
    why: `${pixels} of ${actual.width * actual.height} pixels differ, and ${MOST_PIXELS} may`,
    diff,
  }
}

/** Keeps a picture for the next runs. */
export function accept(name: string, actual: PNG): void {
  mkdirSync(KEPT, { recursive: true })
  writeFileSync(keptPath(name), smallPng(actual))
}

/** Says which browser took the pictures that are kept. */
export function acceptVersion(version: string): void {
  writeFileSync(VERSION, `${version}\n`)
}

/** Leaves what a person needs to see what has changed. @returns what to say */
export function complain(name: string, actual: PNG, { why, diff }: Difference, version: string): string {
  mkdirSync(LEFT, { recursive: true })
  const write = (kind: string, picture: PNG): string => {
    const path = join(LEFT, `${name}.${kind}.png`)
    writeFileSync(path, PNG.sync.write(picture))
    return `  ${kind.padEnd(10)} ${relative(ROOT, path)}`
  }
  const files = [write('actual', actual), ...(diff === null ? [] : [write('difference', diff)])]
  return [
    `The sheet ${name} does not look as it did: ${why}.`,
    `  ${'before'.padEnd(10)} ${relative(ROOT, keptPath(name))}`,
    ...files,
    ...otherVersion(version),
    'If it is as it should be: npm run gallery:accept',
  ].join('\n')
}

/** Whether the pictures were taken with another major version of Chromium, which may draw its controls in another way. */
export function isOtherChromium(version: string): boolean {
  return versionBefore().split('.', 1)[0] !== version.split('.', 1)[0]
}

function otherVersion(version: string): string[] {
  const before = versionBefore()
  return before === version ? [] : [`The pictures were taken with Chromium ${before}; this is ${version}.`]
}

function versionBefore(): string {
  return existsSync(VERSION) ? readFileSync(VERSION, 'utf8').trim() : 'another one'
}

/** Names of pictures that are kept. */
export function keptNames(): string[] {
  return globSync('*.png', { cwd: KEPT }).map((file) => basename(file, '.png'))
}

export function discard(name: string): void {
  rmSync(keptPath(name))
}

/** Of all pictures that are kept, in bytes. */
export function keptBytes(): number {
  return keptNames().reduce((sum, name) => sum + readFileSync(keptPath(name)).length, 0)
}

const keptPath = (name: string): string => join(KEPT, `${name}.png`)
