// What the tests need of the system, and how it is had: installed on Debian and Ubuntu, named elsewhere.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** A command, or a file's path, that shows that the package is there, and the Debian package that brings it. */
const NEEDED = [
  ['qemu-system-x86_64', 'qemu-system-x86'],
  ['qemu-img', 'qemu-utils'],
  ['qemu-storage-daemon', 'qemu-system-common'],
  ['nbdinfo', 'libnbd-bin'],
  ['nbdkit', 'nbdkit'],
  ['fio', 'fio'],
  ['socat', 'socat'],
  ['busybox', 'busybox-static'],
  ['xz', 'xz-utils'],
  ['musl-gcc', 'musl-tools'],
  ['dmsetup', 'dmsetup'],
  ['mkfs.ext4', 'e2fsprogs'],
  ['mkfs.xfs', 'xfsprogs'],
  ['chromium', 'chromium'],
  ['/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf', 'fonts-dejavu-core'],
  ['/usr/share/fonts/truetype/wqy/wqy-microhei.ttc', 'fonts-wqy-microhei'],
];

const has = (command) =>
  command.startsWith('/')
    ? existsSync(command)
    : (process.env.PATH ?? '')
        .split(':')
        .concat('/usr/sbin', '/sbin')
        .some((folder) => existsSync(`${folder}/${command}`));

/** The packages of commands that are not there. */
export function missingPackages() {
  return NEEDED.filter(([command]) => !has(command)).map(([, name]) => name);
}

/**
 * Installs what is missing where that is possible, and says so.
 * @returns the packages that are missing afterwards.
 */
export function installMissing() {
  const missing = missingPackages();
  if (missing.length === 0) return [];
  if (!has('apt-get')) {
    console.log(
      `Missing: ${missing.join(', ')} (names of Debian packages); install them with your system's tools.`,
    );
    return missing;
  }
  const root = process.getuid?.() === 0;
  const sudo = root ? [] : ['sudo', '-n'];
  if (!root && spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status !== 0) {
    console.log(`Missing: run  sudo apt-get install ${missing.join(' ')}`);
    return missing;
  }
  console.log(`Installing ${missing.join(', ')} …`);
  const apt = (...args) => {
    const [command, ...rest] = [...sudo, 'apt-get', ...args];
    execFileSync(command, rest, {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
  };
  apt('update', '-q');
  apt('install', '-y', '-q', '--no-install-recommends', ...missing);
  return missingPackages();
}
