export const title = 'import: the first import in a fresh process';
export const unit = 'ms';
export const sizes = [1];
export const label = () => '';
export const repetitions = 15;

export const contenders = {
  'rxjs-tasks': () => import('../../dist/index.js'),
  rxjs: () => import('rxjs'),
};

export async function measure(contender) {
  const start = performance.now();
  await contenders[contender]();
  return performance.now() - start;
}

export const targets = [{ what: '`import`, rxjs included', n: 1, against: 'rxjs', ratio: 1.25 }];
