import { elementContract } from './contract.ts'
import { shareRealStage } from './real.ts'

elementContract(shareRealStage())
