import { CALLS } from '@lunadefend/contract'
import { fuzzAll } from './api.ts'

fuzzAll(Object.keys(CALLS))
