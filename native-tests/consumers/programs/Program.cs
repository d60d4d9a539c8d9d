using System.Diagnostics;
using SpanHeap.Consumers;
using SpanHeap.Consumers.Measurements;

// The library, and what to do with it if there is a choice.
switch (args)
{
    case ["sqlite", "own"]:
        SqliteProgram.Run(null);
        break;
    case ["sqlite", "heap"]:
        SqliteProgram.Run(new());
        break;
    case ["sqlite", "guarded"]:
        SqliteProgram.Run(new() { Guard = { Mode = SpanHeap.GuardMode.All } }, rows: 200);
        break;
    case ["sqlite", "limit"]:
        SqliteProgram.RunAtLimit();
        break;
    case ["lua"]:
        LuaProgram.Run();
        break;
    case ["image"]:
        ImageProgram.Run();
        break;
    case ["arrow"]:
        ArrowProgram.Run();
        break;
    case ["arrow", "dropped"]:
        ArrowDropProgram.Run();
        break;
    case ["measure", .. string[] options]:
        return MeasureCommand.Run(options);
    case [MeasurementProcess.Command, string name, string variant, string scale]:
        MeasurementProcess.Run(name, variant, scale);
        break;
    default:
        throw new UnreachableException($"There is no program {string.Join(' ', args)}.");
}

return 0;
