import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Finding, report } from './finding.ts'
import { projectFiles } from './project-files.ts'

interface Rule {
  readonly pattern: RegExp
  readonly why: string
}

/**
 * What no file of the project says. Here and there a letter stands in brackets, so that this list does not find itself.
 */
const RULES: readonly Rule[] = [
  {
    pattern: /(?<![\w.)}\]-])\/(?:work|root|tmp|home|Users)\/[\w.]/,
    why: 'a path of one machine: use a path relative to the repository, or os.tmpdir()',
  },
  {
    pattern:
      /:\/\/registry\.|\bregistry\.[a-z0-9-]+\.(?:com|org|net|io|dev)\b|\bnpm(?:js|mirror)\.(?:org|com)\b/,
    why: 'the host of a package registry: which one is used is a setting of the machine',
  },
  { pattern: /\blo[r]em ips[u]m\b/i, why: 'filler text' },
  {
    pattern: /\b(?:TO[D]O|FIX[M]E|X[X]X|HA[C]K)\b(?!\(#\d+\): \S)/,
    why: 'a reminder without the number of an issue: put (#number): after the word, or settle it now',
  },
  {
    pattern: /(?<![\w+/=])(?:A[I]|LL[M]s?|chat[b]ots?|assista[n]ts?)(?![\w+/=])|\blanguage m[o]del/,
    why: 'speaks of how the text came about: the project speaks of itself alone',
  },
  {
    pattern: /\bas (?:instruct[e]d|requ[e]sted)\b|\b(?:the|this|our) (?:br[i]ef|pro[m]pt)\b|\bissu[e] #?\d/i,
    why: 'speaks of an order to somebody: say what holds, and why',
  },
  {
    pattern: /\bDESIG[N](?:\.md| §)|\bsee[d]-?\s?documents?\b|\.\.\/shar[e]d\//,
    why: 'names a document that is not in the repository: say what holds, or link to docs/',
  },
]

/** Files whose text is not ours to choose. */
const OTHERS = ['LICENSE', 'package-lock.json']

/** Every place below `root` where a file says what it should not. */
export function findWords(root: string): Finding[] {
  return projectFiles(root)
    .filter((file) => !OTHERS.includes(file))
    .flatMap((file) => wordsOf(file, readFileSync(join(root, file))))
}

function wordsOf(file: string, bytes: Buffer): Finding[] {
  if (bytes.includes(0)) return []
  return bytes
    .toString('utf8')
    .split('\n')
    .flatMap((text, index) =>
      RULES.filter(({ pattern }) => pattern.test(text)).map(({ why }) => ({ file, line: index + 1, why })),
    )
}

if (import.meta.main) report(findWords(process.cwd()))
