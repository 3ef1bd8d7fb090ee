/**
 * Rows a second that `verifyExport` checks, in an export of 1,000,000 of them by four writers, as a ratio to plain SHA-256
 * over the same bytes. Both take the same pieces, one after the other, in this process.
 */
import { createHash } from 'node:crypto'
import {
  BLOCK_ROWS,
  EMPTY_EDGE,
  encodeLine,
  exportWriter,
  grow,
  leafHash,
  rootOfEdge,
  signCheckpoint,
  signingKeyOf,
  verifierOf,
  verifyExport,
} from '@lunadefend/audit-log'

const ROWS = Number(process.argv[2] ?? 1_000_000)
const WRITERS = 4
const ORIGIN = 'bench.example/audit'
const key = signingKeyOf(new Uint8Array(32).fill(7))
const pseudonym = (number: number) => (number * 2_654_435_761).toString(16).padStart(32, '0').slice(-32)

function line(row: number): string {
  const names = { session: pseudonym(row % 977), user: pseudonym(row % 499), token: pseudonym(row % 99_991) }
  return encodeLine({
    writer: String(row % WRITERS).padStart(16, 'a'),
    seq: Math.floor(row / WRITERS) + 1,
    at: 1_800_000_000_000 + row * 3,
    requestId: `01890a5d-ac96-774b-bcce-${String(row).padStart(12, '0')}`,
    ...{ app: 'bench', actor: 'user', operator: null, action: 'detokenize', epoch: 694_000, ...names },
    ...{ network: pseudonym(row % 61), generation: 1, policy: null, count: 1, refusal: null },
  })
}

function build(): Buffer[] {
  const writer = exportWriter()
  const pieces: string[] = []
  let edge = EMPTY_EDGE
  const sign = () => signCheckpoint({ origin: ORIGIN, size: edge.size, root: rootOfEdge(edge) }, [key])
  for (let from = 0; from < ROWS; from += BLOCK_ROWS) {
    const lines = Array.from({ length: Math.min(BLOCK_ROWS, ROWS - from) }, (_, at) => line(from + at))
    const hashes = lines.map(leafHash)
    edge = grow(edge, hashes)
    pieces.push(writer.block(from, lines, Buffer.concat(hashes)))
  }
  const header = exportWriter().begin({ from: 0, edge: EMPTY_EDGE, checkpoint: sign() })
  const end = `{"end":${pieces.length + ROWS + 1}}\n`
  return [header, ...pieces, end].map((piece) => Buffer.from(piece))
}

const pieces = build()
const bytes = pieces.reduce((sum, { length }) => sum + length, 0)
const seconds = (work: () => void) => {
  const began = performance.now()
  work()
  return (performance.now() - began) / 1000
}
const hashing = () => {
  const hash = createHash('sha256')
  for (const piece of pieces) hash.update(piece)
  hash.digest()
}
const verifying = () => {
  const verifier = verifyExport({ verifiers: [verifierOf(ORIGIN, key)] })
  for (const piece of pieces) verifier.write(piece)
  const { isGood, rows, problems } = verifier.end()
  if (!isGood || rows !== ROWS) throw new Error(`The export is not good: ${JSON.stringify(problems)}`)
}
const [plain, verify] = [seconds(hashing), seconds(verifying)]
const perSecond = Math.round(ROWS / verify).toLocaleString('en-US')
console.log(`${ROWS.toLocaleString('en-US')} rows, ${Math.round(bytes / 1e6)} MB: ${perSecond} rows/s`)
console.log(
  `verify ${verify.toFixed(2)} s, SHA-256 ${plain.toFixed(2)} s: ${(verify / plain).toFixed(1)} times as long`,
)
