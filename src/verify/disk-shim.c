/*
 * A disk between a process and the kernel, for the durability proofs (loaded with LD_PRELOAD, see disk-shim.ts). For the
 * files below one directory it can
 *   - record every change, and every sync, in the order in which they happened, so that the states in which a loss of
 *     power may leave the disk can be made afterwards (crash-states.ts);
 *   - answer the n-th call of a kind with an error, stall it, or kill the process before it;
 *   - play a disk of a given size.
 *
 * SLUICE_SHIM_DIR      the directory; nothing is done without it
 * SLUICE_SHIM_JOURNAL  where to record to; nothing is recorded without it
 * SLUICE_SHIM_CONTROL  a file of `struct control`, which the proof writes and reads while the process runs
 *
 * What is written to a file whose name ends in ".marks" goes into the journal as a mark and nowhere else.
 * SQLite maps its -shm file, which is made anew after a crash: it is not recorded.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum kind { OPEN = 1, WRITE, TRUNCATE, SYNC, UNLINK, RENAME, MARK };
/* SQLite ignores what a directory's sync says, so that is a kind of its own. */
enum call { CALL_SYNC = 1, CALL_WRITE = 2, CALL_READ = 4, CALL_DIRECTORY = 8 };

/* Little-endian 64-bit words, so that the proof can read and write them as a BigInt64Array. */
struct control {
  int64_t calls;     /* bits of `enum call`: which calls are counted */
  int64_t countdown; /* the fault comes with the call that brings it to 0 */
  int64_t error;     /* errno; 0: none; -1: SIGKILL instead; -2: the call is not made, and said to be done */
  int64_t sticky;    /* 1: every counted call after it fails too, until it is 0 */
  int64_t stall_ms;  /* the call waits so long, and is then done */
  int64_t counted;   /* told: counted calls so far */
  int64_t injected;  /* told: faults so far */
  int64_t at_ms;     /* told: when the first fault came, milliseconds since 1970 */
  int64_t quota;     /* the size of the disk in bytes; 0: the real one */
  int64_t used;      /* told: how much of it is used */
  int64_t lies;      /* 1: what finds no room is said to be done */
};

struct header {
  uint32_t kind;
  uint32_t flags; /* of OPEN: 1 created, 2 emptied, 4 every write is synced; of SYNC: 1 a directory */
  uint64_t file;  /* the inode */
  uint64_t at;    /* the offset, or the size of TRUNCATE */
  uint32_t path;  /* lengths of what follows */
  uint32_t data;
};

#define LIE -2
#define FDS 4096
#define NONE 0
#define FILE_FD 1
#define MARKS_FD 2
#define DIRECTORY_FD 3

static struct { int what; int synced; uint64_t inode; } fds[FDS];
static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static char directory[PATH_MAX];
static size_t directory_length;
static int journal = -1;
static struct control *control;

#define REAL(name) ((__typeof__(&name))real(#name))

static void *real(const char *name) { return dlsym(RTLD_NEXT, name); }

__attribute__((constructor)) static void begin(void) {
  const char *under = getenv("SLUICE_SHIM_DIR");
  if (under == NULL || realpath(under, directory) == NULL) return;
  directory_length = strlen(directory);
  const char *to = getenv("SLUICE_SHIM_JOURNAL");
  if (to != NULL) journal = (int)syscall(SYS_openat, AT_FDCWD, to, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  const char *by = getenv("SLUICE_SHIM_CONTROL");
  int file = by == NULL ? -1 : (int)syscall(SYS_openat, AT_FDCWD, by, O_RDWR | O_CLOEXEC, 0);
  if (file < 0) return;
  void *map = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (map != MAP_FAILED) control = map;
  syscall(SYS_close, file);
}

/* Into `full`: the absolute path. True when it is the directory or below it. */
static int is_ours(int at, const char *path, char *full) {
  if (directory_length == 0 || path == NULL) return 0;
  if (path[0] == '/') {
    if (strlen(path) >= PATH_MAX) return 0;
    strcpy(full, path);
  } else {
    if (at != AT_FDCWD || getcwd(full, PATH_MAX) == NULL) return 0;
    if (strlen(full) + strlen(path) + 2 > PATH_MAX) return 0;
    strcat(strcat(full, "/"), path);
  }
  size_t length = strlen(full);
  while (length > 1 && full[length - 1] == '/') full[--length] = 0;
  return strncmp(full, directory, directory_length) == 0 &&
         (full[directory_length] == '/' || full[directory_length] == 0);
}

static int ends_with(const char *path, const char *end) {
  size_t length = strlen(path), tail = strlen(end);
  return length >= tail && strcmp(path + length - tail, end) == 0;
}

static void record(struct header header, const char *path, const void *data) {
  if (journal < 0) return;
  struct iovec parts[] = {{&header, sizeof header}, {(void *)path, header.path}, {(void *)data, header.data}};
  size_t whole = sizeof header + header.path + header.data;
  ssize_t written = syscall(SYS_writev, journal, parts, 3);
  if (written != (ssize_t)whole) abort(); /* a journal with a hole in it proves nothing */
}

static void record_path(enum kind kind, uint32_t flags, uint64_t file, const char *path) {
  record((struct header){kind, flags, file, 0, (uint32_t)strlen(path), 0}, path, NULL);
}

static int64_t now_ms(void) {
  struct timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  return time.tv_sec * 1000LL + time.tv_nsec / 1000000;
}

/* Counts a call. Returns the errno with which it is to fail, or 0. */
static int fault(enum call call) {
  if (control == NULL || (control->calls & call) == 0) return 0;
  control->counted += 1;
  if (control->countdown > 0) control->countdown -= 1;
  else if (!control->sticky) return 0;
  if (control->countdown > 0) return 0;
  if (control->at_ms == 0) control->at_ms = now_ms();
  control->injected += 1;
  if (!control->sticky) control->calls = 0;
  if (control->stall_ms > 0) {
    struct timespec span = {control->stall_ms / 1000, control->stall_ms % 1000 * 1000000};
    nanosleep(&span, NULL);
    return 0;
  }
  if (control->error == -1) kill(getpid(), SIGKILL);
  return (int)control->error;
}

/* True when the file may have this size; counts what it grows or shrinks by. */
static int has_room(int fd, int64_t size, int may_shrink) {
  struct stat status;
  if (control == NULL || fstat(fd, &status) != 0) return 1;
  int64_t growth = size - status.st_size;
  if (growth < 0 && !may_shrink) growth = 0;
  if (growth > 0 && control->quota > 0 && control->used + growth > control->quota) return 0;
  control->used += growth;
  return 1;
}

/* Node closes files by the bare system call, so the number may be that of another file, or of a socket, by now. */
static int what(int fd) {
  if (fd < 0 || fd >= FDS || fds[fd].what == NONE) return NONE;
  struct stat status;
  if (fstat(fd, &status) != 0 || status.st_ino != fds[fd].inode) fds[fd].what = NONE;
  return fds[fd].what;
}

/* ---- opening and closing ---- */

/* `size_before` < 0: the file was not there. */
static int opened(int fd, const char *full, int flags, int64_t size_before) {
  if (fd < 0 || fd >= FDS) return fd;
  pthread_mutex_lock(&lock);
  struct stat status;
  int is_directory = fstat(fd, &status) == 0 && S_ISDIR(status.st_mode);
  fds[fd].what = is_directory ? DIRECTORY_FD : ends_with(full, ".marks") ? MARKS_FD : FILE_FD;
  if (ends_with(full, "-shm")) fds[fd].what = NONE;
  fds[fd].synced = (flags & (O_DSYNC | O_SYNC)) != 0;
  fds[fd].inode = status.st_ino;
  if (fds[fd].what == FILE_FD) {
    int was_there = size_before >= 0;
    int created = (flags & O_CREAT) != 0 && !was_there;
    int emptied = (flags & O_TRUNC) != 0;
    if (control != NULL && was_there && emptied) control->used -= size_before;
    record_path(OPEN, (created ? 1 : 0) | (emptied ? 2 : 0) | (fds[fd].synced ? 4 : 0), status.st_ino, full);
  }
  pthread_mutex_unlock(&lock);
  return fd;
}

#define OPENING(name, at, call)                                                     \
  int mode = 0;                                                                     \
  if (flags & (O_CREAT | O_TMPFILE)) {                                              \
    va_list rest;                                                                   \
    va_start(rest, flags);                                                          \
    mode = va_arg(rest, int);                                                       \
    va_end(rest);                                                                   \
  }                                                                                 \
  char full[PATH_MAX];                                                              \
  int ours = is_ours(at, path, full);                                               \
  struct stat before;                                                               \
  int64_t size_before = ours && stat(full, &before) == 0 ? before.st_size : -1;     \
  int fd = call;                                                                    \
  return ours ? opened(fd, full, flags, size_before) : fd;

int open(const char *path, int flags, ...) { OPENING(open, AT_FDCWD, REAL(open)(path, flags, mode)) }
int open64(const char *path, int flags, ...) { OPENING(open64, AT_FDCWD, REAL(open64)(path, flags, mode)) }
int openat(int at, const char *path, int flags, ...) { OPENING(openat, at, REAL(openat)(at, path, flags, mode)) }
int openat64(int at, const char *path, int flags, ...) {
  OPENING(openat64, at, REAL(openat64)(at, path, flags, mode))
}

int close(int fd) {
  if (fd >= 0 && fd < FDS) fds[fd].what = NONE;
  return REAL(close)(fd);
}

/* ---- writing ---- */

/* One write: refused, recorded, or done. `at` < 0: at the position of the file. */
static ssize_t written(int fd, const void *data, size_t size, off_t at) {
  pthread_mutex_lock(&lock);
  ssize_t done = -1;
  if (what(fd) == MARKS_FD) {
    record((struct header){MARK, 0, 0, 0, 0, (uint32_t)size}, NULL, data);
    done = (ssize_t)size;
  } else {
    off_t from = at < 0 ? lseek(fd, 0, SEEK_CUR) : at;
    int error = fault(CALL_WRITE);
    if (error == 0 && fds[fd].synced) error = fault(CALL_SYNC);
    if (error == 0 && !has_room(fd, from + (off_t)size, 0)) error = control->lies ? LIE : ENOSPC;
    if (error == LIE) done = (ssize_t)size;
    else if (error != 0) errno = error;
    else done = at < 0 ? syscall(SYS_write, fd, data, size) : syscall(SYS_pwrite64, fd, data, size, at);
    if (done > 0 && error == 0)
      record((struct header){WRITE, fds[fd].synced ? 4 : 0, fds[fd].inode, (uint64_t)from, 0, (uint32_t)done}, NULL, data);
  }
  int error = errno;
  pthread_mutex_unlock(&lock);
  errno = error;
  return done;
}

static ssize_t written_parts(int fd, const struct iovec *parts, int count, off_t at) {
  ssize_t whole = 0;
  for (int i = 0; i < count; i += 1) {
    ssize_t done = written(fd, parts[i].iov_base, parts[i].iov_len, at < 0 ? at : at + whole);
    if (done < 0) return whole > 0 ? whole : done;
    whole += done;
    if ((size_t)done < parts[i].iov_len) break;
  }
  return whole;
}

static int is_written(int fd) { return what(fd) == FILE_FD || what(fd) == MARKS_FD; }

ssize_t write(int fd, const void *data, size_t size) {
  return is_written(fd) ? written(fd, data, size, -1) : REAL(write)(fd, data, size);
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
  return is_written(fd) ? written(fd, data, size, at) : REAL(pwrite)(fd, data, size, at);
}
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
  return is_written(fd) ? written(fd, data, size, at) : REAL(pwrite64)(fd, data, size, at);
}
ssize_t writev(int fd, const struct iovec *parts, int count) {
  return is_written(fd) ? written_parts(fd, parts, count, -1) : REAL(writev)(fd, parts, count);
}
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) {
  return is_written(fd) ? written_parts(fd, parts, count, at) : REAL(pwritev)(fd, parts, count, at);
}
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t at) {
  return is_written(fd) ? written_parts(fd, parts, count, at) : REAL(pwritev64)(fd, parts, count, at);
}

static int truncated(int fd, off_t size) {
  pthread_mutex_lock(&lock);
  int error = fault(CALL_WRITE), done = -1;
  if (error == 0 && !has_room(fd, size, 1)) error = control->lies ? LIE : ENOSPC;
  if (error == LIE) done = 0;
  else if (error != 0) errno = error;
  else done = (int)syscall(SYS_ftruncate, fd, size);
  if (done == 0 && error == 0) record((struct header){TRUNCATE, 0, fds[fd].inode, (uint64_t)size, 0, 0}, NULL, NULL);
  error = errno;
  pthread_mutex_unlock(&lock);
  errno = error;
  return done;
}

int ftruncate(int fd, off_t size) { return what(fd) == FILE_FD ? truncated(fd, size) : REAL(ftruncate)(fd, size); }
int ftruncate64(int fd, off64_t size) {
  return what(fd) == FILE_FD ? truncated(fd, size) : REAL(ftruncate64)(fd, size);
}

/* ---- syncing ---- */

static int synced(int fd, int is_data) {
  pthread_mutex_lock(&lock);
  int error = fault(what(fd) == DIRECTORY_FD ? CALL_DIRECTORY : CALL_SYNC), done = -1;
  if (error == LIE) done = 0;
  else if (error != 0) errno = error;
  else done = (int)syscall(is_data ? SYS_fdatasync : SYS_fsync, fd);
  if (done == 0 && error == 0) record((struct header){SYNC, what(fd) == DIRECTORY_FD, fds[fd].inode, 0, 0, 0}, NULL, NULL);
  error = errno;
  pthread_mutex_unlock(&lock);
  errno = error;
  return done;
}

int fsync(int fd) { return what(fd) == NONE ? REAL(fsync)(fd) : synced(fd, 0); }
int fdatasync(int fd) { return what(fd) == NONE ? REAL(fdatasync)(fd) : synced(fd, 1); }

/* ---- reading ---- */

static int unreadable(int fd) {
  if (what(fd) != FILE_FD) return 0;
  pthread_mutex_lock(&lock);
  int error = fault(CALL_READ);
  pthread_mutex_unlock(&lock);
  errno = error;
  return error != 0;
}

ssize_t read(int fd, void *to, size_t size) { return unreadable(fd) ? -1 : REAL(read)(fd, to, size); }
ssize_t pread(int fd, void *to, size_t size, off_t at) { return unreadable(fd) ? -1 : REAL(pread)(fd, to, size, at); }
ssize_t pread64(int fd, void *to, size_t size, off64_t at) {
  return unreadable(fd) ? -1 : REAL(pread64)(fd, to, size, at);
}

/* ---- the directory ---- */

static int removed(int at, const char *path, int flags) {
  char full[PATH_MAX];
  struct stat status;
  int ours = is_ours(at, path, full) && flags == 0 && stat(full, &status) == 0 && !ends_with(full, "-shm");
  pthread_mutex_lock(&lock);
  int done = (int)syscall(SYS_unlinkat, at, path, flags);
  if (done == 0 && ours) {
    record_path(UNLINK, 0, status.st_ino, full);
    if (control != NULL) control->used -= status.st_size;
  }
  pthread_mutex_unlock(&lock);
  return done;
}

int unlink(const char *path) { return removed(AT_FDCWD, path, 0); }
int unlinkat(int at, const char *path, int flags) { return removed(at, path, flags); }
/* Node removes files by remove(3), which calls unlink within the C library, where nothing stands between. */
int remove(const char *path) {
  struct stat status;
  int is_directory = lstat(path, &status) == 0 && S_ISDIR(status.st_mode);
  return is_directory ? REAL(remove)(path) : removed(AT_FDCWD, path, 0);
}

int rename(const char *from, const char *to) {
  char old[PATH_MAX], new[PATH_MAX];
  struct stat status;
  int ours = is_ours(AT_FDCWD, from, old) && is_ours(AT_FDCWD, to, new) && stat(old, &status) == 0;
  pthread_mutex_lock(&lock);
  int done = REAL(rename)(from, to);
  if (done == 0 && ours)
    record((struct header){RENAME, 0, status.st_ino, 0, (uint32_t)strlen(old), (uint32_t)strlen(new)}, old, new);
  pthread_mutex_unlock(&lock);
  return done;
}

/* ---- how much room there is ---- */

static void shrink(uint64_t *free_blocks, uint64_t *available, uint64_t block) {
  if (control == NULL || control->quota == 0) return;
  int64_t left = control->quota - control->used;
  *free_blocks = *available = left < 0 ? 0 : (uint64_t)left / block;
}

int statfs(const char *path, struct statfs *to) {
  int done = REAL(statfs)(path, to);
  char full[PATH_MAX];
  if (done == 0 && is_ours(AT_FDCWD, path, full))
    shrink((uint64_t *)&to->f_bfree, (uint64_t *)&to->f_bavail, (uint64_t)to->f_bsize);
  return done;
}
int statfs64(const char *path, struct statfs64 *to) {
  int done = REAL(statfs64)(path, to);
  char full[PATH_MAX];
  if (done == 0 && is_ours(AT_FDCWD, path, full))
    shrink((uint64_t *)&to->f_bfree, (uint64_t *)&to->f_bavail, (uint64_t)to->f_bsize);
  return done;
}
