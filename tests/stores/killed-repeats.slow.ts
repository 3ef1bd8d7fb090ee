import { killedRepeats } from './killed-repeats.ts'

killedRepeats('PostgreSQL')
