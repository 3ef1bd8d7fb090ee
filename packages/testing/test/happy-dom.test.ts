// @vitest-environment happy-dom
import { elementContract } from './contract.ts'
import { doubledStage } from './doubled-stage.ts'

elementContract(() => doubledStage)
