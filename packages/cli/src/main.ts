#!/usr/bin/env node
import { COMMANDS } from './commands.ts'
import { run } from './run.ts'
import { processWorld } from './world.ts'

// Whoever reads the output may have seen enough (`… | head`): that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 3))

process.exitCode = await run(process.argv.slice(2), COMMANDS, processWorld())
