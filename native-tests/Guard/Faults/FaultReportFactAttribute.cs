using System.Runtime.InteropServices;

namespace SpanHeap.Tests.Guard.Faults;

/// <summary>For what is there where faults are reported: Linux on x64.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class FaultReportFactAttribute : FactAttribute
{
    public FaultReportFactAttribute()
    {
        if (!IsSupported)
        {
            Skip = "Faults are reported on Linux x64 only.";
        }
    }

    internal static bool IsSupported => OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64;
}
