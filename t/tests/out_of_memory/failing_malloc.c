/*
 * To be preloaded: makes one allocation of a process fail, on demand.
 *
 * The file named in FAILING_MALLOC holds two 32-bit integers and is shared with the test: how many
 * allocations are left until one fails (0: none does), and how many have failed.
 */

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct control {
    int32_t  left;
    int32_t  failed;
};

/* The C library's own allocator, under the names by which it can be called from here. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static volatile struct control  *control;


__attribute__((constructor)) static void
open_control(void)
{
    int          fd;
    void        *place;
    const char  *path;

    path = getenv("FAILING_MALLOC");
    if (path == NULL) {
        return;
    }

    fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd == -1) {
        _exit(125);
    }

    place = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (place == MAP_FAILED) {
        _exit(125);
    }

    control = place;
}


static int
fails(void)
{
    if (control == NULL || control->left == 0 || --control->left > 0) {
        return 0;
    }

    control->failed++;
    errno = ENOMEM;
    return 1;
}


void *
malloc(size_t size)
{
    return fails() ? NULL : __libc_malloc(size);
}


void *
calloc(size_t count, size_t size)
{
    return fails() ? NULL : __libc_calloc(count, size);
}


void *
realloc(void *old, size_t size)
{
    return fails() ? NULL : __libc_realloc(old, size);
}


void *
memalign(size_t alignment, size_t size)
{
    return fails() ? NULL : __libc_memalign(alignment, size);
}


void *
aligned_alloc(size_t alignment, size_t size)
{
    return memalign(alignment, size);
}


int
posix_memalign(void **place, size_t alignment, size_t size)
{
    void  *memory;

    memory = memalign(alignment, size);
    if (memory == NULL) {
        return ENOMEM;
    }

    *place = memory;
    return 0;
}
