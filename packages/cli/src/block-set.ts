import type { BlockOptions } from '@lunadefend/node-sdk'
import { readTarget, TARGET, wordsFor } from './block-target.ts'
import { command } from './command.ts'
import { usageFailure } from './failure.ts'
import { OPERATOR, openOperator } from './operator-client.ts'

type Reason = NonNullable<BlockOptions['reason']>
const REASONS: readonly Reason[] = ['compromise', 'fraud', 'investigation', 'maintenance', 'other']

const WARNING = 'No app gives out, takes or grants anything then, until it is lifted.'
const STILL = 'Download URLs that are about work for another 60 seconds, upload URLs for 300.'

export const blockSet = command({
  words: 'block set',
  does: 'the kill switch: stops everything, an app, a session or a token, for the next call on every node',
  operands: ['<what>'],
  options: {
    ...OPERATOR,
    ...TARGET,
    ttl: { kind: 'text', value: '<time>', says: 'how long: 15m, 1h20m10s, seconds; else until it is lifted' },
    reason: { kind: 'text', value: '<reason>', says: REASONS.join(', ') },
  },
  async run({ options, operands: [what = ''] }, world) {
    const terms = termsOf(options.ttl, options.reason)
    const operator = openOperator(options)
    const target = await readTarget(what, options, world, WARNING)
    const { blockId, until } = await operator.blocks.set(target, terms)
    const end = until === null ? 'until it is lifted' : `until ${until.toISOString()}`
    const text = `${wordsFor(target)} is stopped, ${end}. Block ${blockId}.\n${STILL}`
    return { isGood: true, json: { blockId, until }, text }
  },
})

function termsOf(ttl: string | null, reason: string | null): BlockOptions {
  const known = REASONS.find((each) => each === reason)
  if (reason !== null && known === undefined) throw usageFailure(`--reason is one of: ${REASONS.join(', ')}.`)
  return {
    ...(ttl === null ? {} : { ttl: durationOf(ttl) }),
    ...(known === undefined ? {} : { reason: known }),
  }
}

/** Digits alone are seconds, as in the settings. The Tokenizer says what is wrong with the rest. */
function durationOf(text: string): number | string {
  return /^\d{1,15}$/.test(text) ? Number(text) : text
}
