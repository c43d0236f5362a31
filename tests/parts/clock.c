/* A clock that is wrong, for fault_matrix.py: the time of day that CLOCK_SECONDS says, in seconds since 1970. Other clocks
   go on as they are. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *now) {
    const char *seconds = getenv("CLOCK_SECONDS");
    if (clock != CLOCK_REALTIME || seconds == NULL)
        return (int)syscall(SYS_clock_gettime, clock, now);
    now->tv_sec = atoll(seconds);
    now->tv_nsec = 0;
    return 0;
}
