#pragma GCC system_header
#include <stdio.h>
#include <time.h>
static inline void TR(const char*n){static double w0,t0,p0;struct timespec a,b,c;clock_gettime(CLOCK_MONOTONIC,&a);clock_gettime(CLOCK_THREAD_CPUTIME_ID,&b);clock_gettime(CLOCK_PROCESS_CPUTIME_ID,&c);double w=a.tv_sec+a.tv_nsec/1e9,t=b.tv_sec+b.tv_nsec/1e9,p=c.tv_sec+c.tv_nsec/1e9;fprintf(stderr,"TR %-18s wall %.3f thr %.3f proc %.3f\n",n,w0?w-w0:0,t-t0,p-p0);w0=w;t0=t;p0=p;}
